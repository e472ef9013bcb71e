#include "core/text/templates/operators.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/text/templates/format.h"
#include "core/text/templates/methods.h"
#include "core/text/templates/printing.h"
#include "core/text/templates/strings.h"

namespace prefbench::text::templates {

namespace {

[[noreturn]] void refuse(std::string_view operation, const Value& a, const Value& b) {
    requireDefined(a);
    requireDefined(b);
    throw Failure("'" + std::string(operation) + "' is not possible between a " + typeName(a) + " and a " +
                  typeName(b));
}

[[noreturn]] void tooLarge() {
    throw Failure("a whole number is beyond 64 bits");
}

std::int64_t floorDivided(std::int64_t a, std::int64_t b) {
    if (b == 0) {
        throw Failure("division by zero");
    }
    if (b == -1) {
        if (a == std::numeric_limits<std::int64_t>::min()) {
            tooLarge();
        }
        return -a;
    }
    return a / b - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0);
}

Value power(Budget& budget, std::int64_t base, std::int64_t exponent) {
    if (exponent < 0) {
        if (base == 0) {
            throw Failure("division by zero");
        }
        return Value(std::pow(static_cast<double>(base), static_cast<double>(exponent)));
    }
    std::int64_t result = 1;
    while (exponent > 0 && base != 1) {
        if (base == 0 || base == -1) {
            return Value(base == 0 ? std::int64_t(0) : std::int64_t(exponent % 2 == 0 ? 1 : -1));
        }
        budget.step();
        if (__builtin_mul_overflow(result, base, &result)) {
            tooLarge();
        }
        --exponent;
    }
    return Value(result);
}

Value integers(Budget& budget, std::string_view operation, std::int64_t a, std::int64_t b) {
    std::int64_t result = 0;
    bool overflows = false;
    if (operation == "+") {
        overflows = __builtin_add_overflow(a, b, &result);
    } else if (operation == "-") {
        overflows = __builtin_sub_overflow(a, b, &result);
    } else if (operation == "*") {
        overflows = __builtin_mul_overflow(a, b, &result);
    } else if (operation == "//") {
        result = floorDivided(a, b);
    } else if (operation == "%") {
        result = b == -1 ? 0 : a - floorDivided(a, b) * b;
    } else if (operation == "**") {
        return power(budget, a, b);
    } else {
        if (b == 0) {
            throw Failure("division by zero");
        }
        return Value(static_cast<double>(a) / static_cast<double>(b));
    }
    if (overflows) {
        tooLarge();
    }
    return Value(result);
}

Value floats(std::string_view operation, double a, double b) {
    if (operation == "+") {
        return Value(a + b);
    }
    if (operation == "-") {
        return Value(a - b);
    }
    if (operation == "*") {
        return Value(a * b);
    }
    if (operation == "**") {
        return Value(std::pow(a, b));
    }
    if (b == 0) {
        throw Failure("division by zero");
    }
    if (operation == "/") {
        return Value(a / b);
    }
    double rest = std::fmod(a, b);
    if (rest != 0 && (rest < 0) != (b < 0)) {
        rest += b;
    }
    return Value(operation == "%" ? rest : std::floor((a - rest) / b + 0.5));
}

Value repeated(Budget& budget, const Value& value, std::int64_t times) {
    const std::size_t count = times < 0 ? 0 : static_cast<std::size_t>(times);
    if (const std::string* text = value.text()) {
        if (!text->empty() && count > budget.limits().textBytes / text->size()) {
            budget.text(budget.limits().textBytes + 1);
        }
        std::string out;
        for (std::size_t i = 0; i < count && !text->empty(); ++i) {
            out += *text;
        }
        return makeText(budget, std::move(out));
    }
    const Sequence& sequence = *value.sequence();
    std::vector<Value> items;
    for (std::size_t i = 0; i < count && !sequence.items.empty(); ++i) {
        budget.step(sequence.items.size());
        items.insert(items.end(), sequence.items.begin(), sequence.items.end());
    }
    return makeSequence(budget, std::move(items), sequence.kind);
}

bool isListOrTuple(const Value& value) {
    const Sequence* sequence = value.sequence();
    return sequence != nullptr && (sequence->kind == SequenceKind::List || sequence->kind == SequenceKind::Tuple);
}

Value joined(Budget& budget, const Value& a, const Value& b) {
    if (a.text() != nullptr) {
        TextBuilder out(budget);
        out.add(*a.text());
        out.add(*b.text());
        return makeText(budget, out.take());
    }
    std::vector<Value> items = a.sequence()->items;
    items.insert(items.end(), b.sequence()->items.begin(), b.sequence()->items.end());
    return makeSequence(budget, std::move(items), a.sequence()->kind);
}

/// The positions that a slice takes out of `length`, as Python's slice.indices().
struct SliceRange {
    std::int64_t begin, end, step;

    std::vector<std::size_t> positions() const {
        std::vector<std::size_t> found;
        for (std::int64_t i = begin; step > 0 ? i < end : i > end; i += step) {
            found.push_back(static_cast<std::size_t>(i));
        }
        return found;
    }
};

std::int64_t sliceIndex(const Value& value, std::int64_t missing, std::int64_t length, std::int64_t lowest,
                        std::int64_t highest) {
    std::int64_t holder = 0;
    if (value.isNone()) {
        return missing;
    }
    const std::int64_t* index = value.integer(holder);
    if (index == nullptr) {
        requireDefined(value);
        throw Failure("the bounds of a slice must be whole numbers, found a " + typeName(value));
    }
    return std::clamp(*index < 0 ? *index + length : *index, lowest, highest);
}

SliceRange sliceRange(const Value& begin, const Value& end, const Value& step, std::int64_t length) {
    const std::int64_t most = length + 1;
    const std::int64_t stride = step.isNone() ? 1 : sliceIndex(step, 1, 0, -most, most);
    if (stride == 0) {
        throw Failure("a slice's step must not be zero");
    }
    if (stride > 0) {
        return {sliceIndex(begin, 0, length, 0, length), sliceIndex(end, length, length, 0, length), stride};
    }
    return {sliceIndex(begin, length - 1, length, -1, length - 1), sliceIndex(end, -1, length, -1, length - 1), stride};
}

std::string textSlice(const std::string& text, const SliceRange& range) {
    if (range.step == 1) {
        if (range.begin >= range.end) {
            return {};
        }
        const std::size_t begin = byteOf(text, static_cast<std::size_t>(range.begin));
        return text.substr(
            begin, byteOf(std::string_view(text).substr(begin), static_cast<std::size_t>(range.end - range.begin)));
    }
    std::vector<std::size_t> starts;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80) {
            starts.push_back(i);
        }
    }
    starts.push_back(text.size());
    std::string out;
    for (const std::size_t i : range.positions()) {
        out.append(text, starts[i], starts[i + 1] - starts[i]);
    }
    return out;
}

/// The entry owner[key], if there is one.
std::optional<Value> entry(Budget& budget, const Value& owner, const Value& key) {
    std::int64_t holder = 0;
    if (const Dict* dict = owner.dict()) {
        const bool isKey = !key.isUndefined() &&
                           (key.sequence() == nullptr || key.sequence()->kind == SequenceKind::Tuple) &&
                           key.dict() == nullptr;
        const Value* found = isKey ? dict->find(budget, key) : nullptr;
        return found == nullptr ? std::nullopt : std::optional(*found);
    }
    const std::int64_t* index = key.integer(holder);
    if (index == nullptr || (owner.text() == nullptr && owner.sequence() == nullptr)) {
        return std::nullopt;
    }
    const SequenceKind kind = owner.sequence() == nullptr ? SequenceKind::List : owner.sequence()->kind;
    if (kind != SequenceKind::List && kind != SequenceKind::Tuple && kind != SequenceKind::Range) {
        return std::nullopt;
    }
    const std::int64_t length = lengthOf(budget, owner);
    const std::int64_t position = *index < 0 ? *index + length : *index;
    if (position < 0 || position >= length) {
        return std::nullopt;
    }
    if (owner.text() != nullptr) {
        return makeText(budget, textSlice(*owner.text(), {position, position + 1, 1}));
    }
    return owner.sequence()->items[static_cast<std::size_t>(position)];
}

}  // namespace

Value binary(Budget& budget, std::string_view operation, const Value& a, const Value& b) {
    std::int64_t holderA = 0;
    std::int64_t holderB = 0;
    const std::int64_t* left = a.integer(holderA);
    const std::int64_t* right = b.integer(holderB);
    if (left != nullptr && right != nullptr) {
        return integers(budget, operation, *left, *right);
    }
    if (isNumber(a) && isNumber(b)) {
        return floats(operation, numberOf(a), numberOf(b));
    }
    const bool sameText = a.text() != nullptr && b.text() != nullptr;
    const bool sameList = isListOrTuple(a) && isListOrTuple(b) && a.sequence()->kind == b.sequence()->kind;
    if (operation == "+" && (sameText || sameList)) {
        return joined(budget, a, b);
    }
    if (operation == "*" && right != nullptr && (a.text() != nullptr || isListOrTuple(a))) {
        return repeated(budget, a, *right);
    }
    if (operation == "*" && left != nullptr && (b.text() != nullptr || isListOrTuple(b))) {
        return repeated(budget, b, *left);
    }
    if (operation == "%" && a.text() != nullptr) {
        return makeText(budget, percentFormat(budget, *a.text(), b));
    }
    refuse(operation, a, b);
}

Value negative(const Value& value) {
    std::int64_t holder = 0;
    if (const std::int64_t* number = value.integer(holder)) {
        if (*number == std::numeric_limits<std::int64_t>::min()) {
            tooLarge();
        }
        return Value(-*number);
    }
    if (const double* number = value.as<double>()) {
        return Value(-*number);
    }
    requireDefined(value);
    throw Failure("a " + typeName(value) + " has no negative");
}

bool contains(Budget& budget, const Value& container, const Value& part) {
    if (const std::string* text = container.text()) {
        if (part.text() == nullptr) {
            requireDefined(part);
            throw Failure("only a str can be in a str, found a " + typeName(part));
        }
        budget.text(text->size());
        budget.text(part.text()->size());
        return text->find(*part.text()) != std::string::npos;
    }
    if (const Dict* dict = container.dict()) {
        return !part.isUndefined() && dict->find(budget, part) != nullptr;
    }
    const auto items = iterate(budget, container);
    return std::any_of(items.begin(), items.end(), [&](const Value& item) { return areEqual(budget, item, part); });
}

bool compares(Budget& budget, std::string_view operation, const Value& a, const Value& b) {
    if (operation == "==") {
        return areEqual(budget, a, b);
    }
    if (operation == "!=") {
        return !areEqual(budget, a, b);
    }
    if (operation == "in") {
        return contains(budget, b, a);
    }
    if (operation == "not in") {
        return !contains(budget, b, a);
    }
    if (isNumber(a) && isNumber(b) && (std::isnan(numberOf(a)) || std::isnan(numberOf(b)))) {
        return false;
    }
    const int order = compare(budget, a, b);
    return operation == "<" ? order < 0 : operation == "<=" ? order <= 0 : operation == ">" ? order > 0 : order >= 0;
}

Value attribute(Budget& budget, const Value& owner, const std::string& name) {
    requireDefined(owner);
    if (auto found = member(budget, owner, name)) {
        return *found;
    }
    if (owner.dict() != nullptr) {
        if (const Value* found = owner.dict()->find(name)) {
            return *found;
        }
    }
    return makeUndefined("a " + typeName(owner) + " has no '" + name.substr(0, 200) + "'");
}

Value item(Budget& budget, const Value& owner, const Value& key) {
    requireDefined(owner);
    if (auto found = entry(budget, owner, key)) {
        return *found;
    }
    if (key.text() != nullptr) {
        if (auto found = member(budget, owner, *key.text())) {
            return *found;
        }
    }
    return makeUndefined("a " + typeName(owner) + " has no entry " + reprOf(budget, key).substr(0, 200));
}

Value slice(Budget& budget, const Value& owner, const Value& begin, const Value& end, const Value& step) {
    const Sequence* sequence = owner.sequence();
    const bool isSliced = owner.text() != nullptr || isListOrTuple(owner) ||
                          (sequence != nullptr && sequence->kind == SequenceKind::Range);
    if (!isSliced) {
        requireDefined(owner);
        return makeUndefined("a " + typeName(owner) + " cannot be sliced");
    }
    const SliceRange range = sliceRange(begin, end, step, lengthOf(budget, owner));
    if (const std::string* text = owner.text()) {
        return makeText(budget, textSlice(*text, range));
    }
    std::vector<Value> items;
    for (const std::size_t i : range.positions()) {
        items.push_back(sequence->items[i]);
    }
    return makeSequence(budget, std::move(items), sequence->kind);
}

}  // namespace prefbench::text::templates
