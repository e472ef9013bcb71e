#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "core/files/json.h"
#include "core/text/templates/limits.h"

namespace prefbench::text::templates {

struct Sequence;
struct Dict;
struct Namespace;
struct Callable;
struct Loop;

/// Prints as nothing, is false and empty; every other use is an error with `reason`.
struct Undefined {
    std::shared_ptr<const std::string> reason;
    bool isForbidden = false;  ///< an attribute that exists and must not be reached: an error even when printed
};
struct None {};

using String = std::shared_ptr<const std::string>;

/// A value as Python and Jinja know it. All but a Namespace are immutable, so copies share.
struct Value {
    std::variant<Undefined, None, bool, std::int64_t, double, String, std::shared_ptr<const Sequence>,
                 std::shared_ptr<const Dict>, std::shared_ptr<Namespace>, std::shared_ptr<const Callable>,
                 std::shared_ptr<const Loop>>
        data;

    Value() : data(None{}) {}
    template <typename T>
    explicit Value(T value) : data(std::move(value)) {}

    template <typename T>
    const T* as() const {
        return std::get_if<T>(&data);
    }
    const std::string* text() const { return as<String>() == nullptr ? nullptr : as<String>()->get(); }
    const Sequence* sequence() const;
    const Dict* dict() const;
    bool isUndefined() const { return as<Undefined>() != nullptr; }
    bool isNone() const { return as<None>() != nullptr; }
    /// Whole numbers and truth values, which Python counts among them.
    const std::int64_t* integer(std::int64_t& holder) const;
};

enum class SequenceKind { List, Tuple, Iterator, Range, Keys, Values, Items };

struct Sequence {
    SequenceKind kind = SequenceKind::List;
    std::vector<Value> items;
    int depth = 1;
    mutable std::size_t taken = 0;  ///< of an Iterator: it gives each item once
};

/// Keeps the order of insertion.
struct Dict {
    std::vector<std::pair<Value, Value>> entries;
    std::unordered_map<std::string, std::size_t> index;  ///< by hashKey()
    int depth = 1;

    const Value* find(Budget& budget, const Value& key) const;
    const Value* find(std::string_view key) const;
};

/// The one thing a template can change. May hold itself; the interpreter that made it empties it at the end.
struct Namespace {
    std::vector<std::pair<std::string, Value>> entries;
    std::unordered_map<std::string, std::size_t> index;

    const Value* find(const std::string& name) const;
    void set(const std::string& name, Value value);
};

struct Arguments {
    std::vector<Value> positional;
    std::vector<std::pair<std::string, Value>> named;
};

struct Callable {
    std::string name;
    std::function<Value(const Arguments&)> call;
    int depth = 1;
};

/// `loop` inside a for.
struct Loop {
    std::shared_ptr<const Sequence> items;
    std::size_t index = 0;
};

Value makeText(Budget& budget, std::string text);
Value makeSequence(Budget& budget, std::vector<Value> items, SequenceKind kind = SequenceKind::List);
Value makeUndefined(std::string reason);
Value makeForbidden(const std::string& attribute, const Value& owner);

/// Adds or replaces entries, then gives the finished dict.
class DictBuilder {
  public:
    explicit DictBuilder(Budget& budget) : budget_(budget), dict_(std::make_shared<Dict>()) {}
    void set(const Value& key, Value value);
    void set(std::string_view key, Value value);
    Value take() { return Value(std::shared_ptr<const Dict>(std::move(dict_))); }

  private:
    Budget& budget_;
    std::shared_ptr<Dict> dict_;
};

/// Equal values have equal keys. Lists and dicts have none: Failure.
std::string hashKey(Budget& budget, const Value& value);

/// The name of its type, as Python writes it.
std::string typeName(const Value& value);
int depthOf(const Value& value);
bool isTrue(const Value& value);
bool areEqual(Budget& budget, const Value& a, const Value& b);
/// Negative, zero or positive; Failure where Python does not order such values.
int compare(Budget& budget, const Value& a, const Value& b);
/// Keeps what it goes through alive.
class Items {
  public:
    explicit Items(std::shared_ptr<const Sequence> sequence) : sequence_(std::move(sequence)) {}
    auto begin() const { return sequence_->items.begin(); }
    auto end() const { return sequence_->items.end(); }
    std::size_t size() const { return sequence_->items.size(); }
    const Value& operator[](std::size_t i) const { return sequence_->items[i]; }
    const std::shared_ptr<const Sequence>& sequence() const { return sequence_; }

  private:
    std::shared_ptr<const Sequence> sequence_;
};

/// What a for over the value visits; Failure when it cannot be iterated.
Items iterate(Budget& budget, const Value& value);
/// Python's len().
std::int64_t lengthOf(Budget& budget, const Value& value);
/// Failure where `value` is undefined.
void requireDefined(const Value& value);
double numberOf(const Value& value);
bool isNumber(const Value& value);

Value fromJson(Budget& budget, const files::OrderedJson& json);

}  // namespace prefbench::text::templates
