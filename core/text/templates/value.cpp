#include "core/text/templates/value.h"

#include <cmath>
#include <limits>

#include "core/text/utf8.h"

namespace prefbench::text::templates {

namespace {

template <typename T>
int sign(T a, T b) {
    return a < b ? -1 : a > b ? 1 : 0;
}

bool areSequencesEqual(Budget& budget, const Sequence& a, const Sequence& b) {
    if (a.kind != b.kind || a.items.size() != b.items.size()) {
        return false;
    }
    for (std::size_t i = 0; i < a.items.size(); ++i) {
        if (!areEqual(budget, a.items[i], b.items[i])) {
            return false;
        }
    }
    return true;
}

bool areDictsEqual(Budget& budget, const Dict& a, const Dict& b) {
    if (a.entries.size() != b.entries.size()) {
        return false;
    }
    for (const auto& [key, value] : a.entries) {
        const Value* other = b.find(budget, key);
        if (other == nullptr || !areEqual(budget, value, *other)) {
            return false;
        }
    }
    return true;
}

int compareSequences(Budget& budget, const Sequence& a, const Sequence& b) {
    for (std::size_t i = 0; i < std::min(a.items.size(), b.items.size()); ++i) {
        if (!areEqual(budget, a.items[i], b.items[i])) {
            return compare(budget, a.items[i], b.items[i]);
        }
    }
    return sign(a.items.size(), b.items.size());
}

Items itemsOf(Budget& budget, std::vector<Value> items) {
    return Items(*makeSequence(budget, std::move(items)).as<std::shared_ptr<const Sequence>>());
}

std::vector<Value> characters(Budget& budget, std::string_view text) {
    std::vector<Value> items;
    while (!text.empty()) {
        const std::size_t length = std::max<std::size_t>(1, validCharacterLength(text));
        items.push_back(makeText(budget, std::string(text.substr(0, length))));
        text.remove_prefix(length);
    }
    return items;
}

}  // namespace

const Sequence* Value::sequence() const {
    const auto* found = as<std::shared_ptr<const Sequence>>();
    return found == nullptr ? nullptr : found->get();
}

const Dict* Value::dict() const {
    const auto* found = as<std::shared_ptr<const Dict>>();
    return found == nullptr ? nullptr : found->get();
}

const std::int64_t* Value::integer(std::int64_t& holder) const {
    if (const bool* truth = as<bool>()) {
        holder = *truth ? 1 : 0;
        return &holder;
    }
    return as<std::int64_t>();
}

const Value* Dict::find(Budget& budget, const Value& key) const {
    const auto found = index.find(hashKey(budget, key));
    return found == index.end() ? nullptr : &entries[found->second].second;
}

const Value* Dict::find(std::string_view key) const {
    const auto found = index.find("s" + std::string(key));
    return found == index.end() ? nullptr : &entries[found->second].second;
}

const Value* Namespace::find(const std::string& name) const {
    const auto found = index.find(name);
    return found == index.end() ? nullptr : &entries[found->second].second;
}

void Namespace::set(const std::string& name, Value value) {
    const auto [position, isNew] = index.emplace(name, entries.size());
    if (isNew) {
        entries.emplace_back(name, std::move(value));
    } else {
        entries[position->second].second = std::move(value);
    }
}

Value makeText(Budget& budget, std::string text) {
    budget.text(text.size());
    return Value(std::make_shared<const std::string>(std::move(text)));
}

Value makeSequence(Budget& budget, std::vector<Value> items, SequenceKind kind) {
    budget.step(items.size());
    auto sequence = std::make_shared<Sequence>();
    sequence->kind = kind;
    sequence->items = std::move(items);
    for (const Value& item : sequence->items) {
        sequence->depth = std::max(sequence->depth, depthOf(item) + 1);
    }
    budget.valueDepth(sequence->depth);
    return Value(std::shared_ptr<const Sequence>(std::move(sequence)));
}

Value makeUndefined(std::string reason) {
    return Value(Undefined{std::make_shared<const std::string>(std::move(reason)), false});
}

Value makeForbidden(const std::string& attribute, const Value& owner) {
    return Value(
        Undefined{std::make_shared<const std::string>("the attribute '" + attribute + "' of a " + typeName(owner) +
                                                      " is not open"
                                                      " to templates"),
                  true});
}

void DictBuilder::set(const Value& key, Value value) {
    budget_.step(4);
    dict_->depth = std::max({dict_->depth, depthOf(value) + 1, depthOf(key) + 1});
    budget_.valueDepth(dict_->depth);
    const auto [position, isNew] = dict_->index.emplace(hashKey(budget_, key), dict_->entries.size());
    if (isNew) {
        dict_->entries.emplace_back(key, std::move(value));
    } else {
        dict_->entries[position->second].second = std::move(value);
    }
}

void DictBuilder::set(std::string_view key, Value value) {
    set(makeText(budget_, std::string(key)), std::move(value));
}

std::string hashKey(Budget& budget, const Value& value) {
    std::int64_t holder = 0;
    if (const std::string* text = value.text()) {
        budget.text(text->size());
        return "s" + *text;
    }
    if (const std::int64_t* number = value.integer(holder)) {
        return "n" + std::to_string(*number);
    }
    if (const double* number = value.as<double>()) {
        const bool isWhole = std::trunc(*number) == *number && std::abs(*number) < 9e18;
        return "n" + (isWhole ? std::to_string(static_cast<std::int64_t>(*number)) : std::to_string(*number));
    }
    if (value.isNone()) {
        return "-";
    }
    const Sequence* sequence = value.sequence();
    if (sequence == nullptr || sequence->kind != SequenceKind::Tuple) {
        throw Failure("a " + typeName(value) + " cannot be a key");
    }
    TextBuilder key(budget);
    key.add("t");
    for (const Value& item : sequence->items) {
        const std::string part = hashKey(budget, item);
        key.add(std::to_string(part.size()) + ":" + part);
    }
    return key.take();
}

std::string typeName(const Value& value) {
    static const std::vector<std::string> names = {
        "Undefined", "NoneType", "bool", "int", "float", "str", "", "dict", "Namespace", "function", "LoopContext"};
    if (const Sequence* sequence = value.sequence()) {
        static const std::vector<std::string> kinds = {"list",      "tuple",       "generator", "range",
                                                       "dict_keys", "dict_values", "dict_items"};
        return kinds[static_cast<std::size_t>(sequence->kind)];
    }
    return names[value.data.index()];
}

int depthOf(const Value& value) {
    if (const Sequence* sequence = value.sequence()) {
        return sequence->depth;
    }
    if (const Dict* dict = value.dict()) {
        return dict->depth;
    }
    if (const auto* callable = value.as<std::shared_ptr<const Callable>>()) {
        return (*callable)->depth;
    }
    if (const auto* loop = value.as<std::shared_ptr<const Loop>>()) {
        return (*loop)->items->depth + 1;
    }
    return 0;
}

bool isTrue(const Value& value) {
    std::int64_t holder = 0;
    if (const Undefined* undefined = value.as<Undefined>()) {
        if (undefined->isForbidden) {
            requireDefined(value);
        }
        return false;
    }
    if (const std::int64_t* number = value.integer(holder)) {
        return *number != 0;
    }
    if (const double* number = value.as<double>()) {
        return *number != 0;
    }
    if (const std::string* text = value.text()) {
        return !text->empty();
    }
    if (const Sequence* sequence = value.sequence()) {
        return sequence->kind == SequenceKind::Iterator || !sequence->items.empty();
    }
    if (const Dict* dict = value.dict()) {
        return !dict->entries.empty();
    }
    return !value.isNone();
}

bool isNumber(const Value& value) {
    std::int64_t holder = 0;
    return value.as<double>() != nullptr || value.integer(holder) != nullptr;
}

double numberOf(const Value& value) {
    std::int64_t holder = 0;
    if (const std::int64_t* number = value.integer(holder)) {
        return static_cast<double>(*number);
    }
    return *value.as<double>();
}

void requireDefined(const Value& value) {
    if (const Undefined* undefined = value.as<Undefined>()) {
        throw Failure(undefined->reason == nullptr ? "an undefined value is used" : *undefined->reason);
    }
}

bool areEqual(Budget& budget, const Value& a, const Value& b) {
    budget.step();
    std::int64_t holderA = 0;
    std::int64_t holderB = 0;
    if (a.integer(holderA) != nullptr && b.integer(holderB) != nullptr) {
        return *a.integer(holderA) == *b.integer(holderB);
    }
    if (isNumber(a) && isNumber(b)) {
        return numberOf(a) == numberOf(b);
    }
    if (a.data.index() != b.data.index()) {
        return false;
    }
    if (a.text() != nullptr) {
        budget.text(std::min(a.text()->size(), b.text()->size()));
        return *a.text() == *b.text();
    }
    if (a.sequence() != nullptr) {
        return a.sequence() == b.sequence() || areSequencesEqual(budget, *a.sequence(), *b.sequence());
    }
    if (a.dict() != nullptr) {
        return a.dict() == b.dict() || areDictsEqual(budget, *a.dict(), *b.dict());
    }
    if (const auto* space = a.as<std::shared_ptr<Namespace>>()) {
        return *space == *b.as<std::shared_ptr<Namespace>>();
    }
    if (const auto* callable = a.as<std::shared_ptr<const Callable>>()) {
        return *callable == *b.as<std::shared_ptr<const Callable>>();
    }
    return true;
}

int compare(Budget& budget, const Value& a, const Value& b) {
    budget.step();
    requireDefined(a);
    requireDefined(b);
    std::int64_t holderA = 0;
    std::int64_t holderB = 0;
    if (a.integer(holderA) != nullptr && b.integer(holderB) != nullptr) {
        return sign(*a.integer(holderA), *b.integer(holderB));
    }
    if (isNumber(a) && isNumber(b)) {
        return sign(numberOf(a), numberOf(b));
    }
    if (a.text() != nullptr && b.text() != nullptr) {
        budget.text(std::min(a.text()->size(), b.text()->size()));
        return a.text()->compare(*b.text());  // bytes of UTF-8 are in the order of their characters
    }
    if (a.sequence() != nullptr && b.sequence() != nullptr && a.sequence()->kind == b.sequence()->kind) {
        return compareSequences(budget, *a.sequence(), *b.sequence());
    }
    throw Failure("a " + typeName(a) + " and a " + typeName(b) + " have no order");
}

Items iterate(Budget& budget, const Value& value) {
    if (const Undefined* undefined = value.as<Undefined>()) {
        if (undefined->isForbidden) {
            requireDefined(value);
        }
        return itemsOf(budget, {});
    }
    if (const std::string* text = value.text()) {
        return itemsOf(budget, characters(budget, *text));
    }
    if (const Dict* dict = value.dict()) {
        std::vector<Value> keys;
        for (const auto& [key, ignored] : dict->entries) {
            keys.push_back(key);
        }
        return itemsOf(budget, std::move(keys));
    }
    const auto* sequence = value.as<std::shared_ptr<const Sequence>>();
    if (sequence == nullptr) {
        throw Failure("a " + typeName(value) + " cannot be iterated");
    }
    if ((*sequence)->kind != SequenceKind::Iterator) {
        return Items(*sequence);
    }
    const auto begin = (*sequence)->items.begin() + static_cast<std::ptrdiff_t>((*sequence)->taken);
    (*sequence)->taken = (*sequence)->items.size();
    return itemsOf(budget, std::vector<Value>(begin, (*sequence)->items.end()));
}

std::int64_t lengthOf(Budget& budget, const Value& value) {
    if (value.isUndefined()) {
        return static_cast<std::int64_t>(iterate(budget, value).size());
    }
    if (const std::string* text = value.text()) {
        budget.text(text->size());
        std::int64_t length = 0;
        for (const char byte : *text) {
            length += (static_cast<unsigned char>(byte) & 0xC0) != 0x80;
        }
        return length;
    }
    if (const Dict* dict = value.dict()) {
        return static_cast<std::int64_t>(dict->entries.size());
    }
    const Sequence* sequence = value.sequence();
    if (sequence == nullptr || sequence->kind == SequenceKind::Iterator) {
        throw Failure("a " + typeName(value) + " has no length");
    }
    return static_cast<std::int64_t>(sequence->items.size());
}

Value fromJson(Budget& budget, const files::OrderedJson& json) {
    if (json.is_boolean()) {
        return Value(json.get<bool>());
    }
    if (json.is_number_unsigned() &&
        json.get<std::uint64_t>() > std::uint64_t(std::numeric_limits<std::int64_t>::max())) {
        throw Failure(json.dump() + " is too large a whole number");
    }
    if (json.is_number_integer()) {
        return Value(json.get<std::int64_t>());
    }
    if (json.is_number()) {
        return Value(json.get<double>());
    }
    if (json.is_string()) {
        return makeText(budget, json.get<std::string>());
    }
    if (json.is_array()) {
        std::vector<Value> items;
        for (const auto& item : json) {
            items.push_back(fromJson(budget, item));
        }
        return makeSequence(budget, std::move(items));
    }
    if (json.is_object()) {
        DictBuilder dict(budget);
        for (const auto& [key, value] : json.items()) {
            dict.set(key, fromJson(budget, value));
        }
        return dict.take();
    }
    return Value();
}

}  // namespace prefbench::text::templates
