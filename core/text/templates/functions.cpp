#include "core/text/templates/functions.h"

#include <ctime>

#include "core/text/templates/arguments.h"
#include "core/text/templates/printing.h"
#include "core/text/utf8.h"

namespace prefbench::text::templates {

namespace {

Value raiseException(Budget& budget, const Arguments& arguments) {
    const BoundArguments given("raise_exception", arguments, {"message"}, 1);
    throw Raised(textOf(budget, given.at(0)));
}

Value range(Budget& budget, const Arguments& arguments) {
    const BoundArguments given("range", arguments, {"start", "stop", "step"}, 1);
    const std::int64_t start = given.has(1) ? given.integerOr(0, 0) : 0;
    const std::int64_t stop = given.has(1) ? given.integerOr(1, 0) : given.integerOr(0, 0);
    const std::int64_t step = given.integerOr(2, 1);
    if (step == 0) {
        throw Failure("'range' needs a step that is not zero");
    }
    std::vector<Value> items;
    std::int64_t next = start;
    while (step > 0 ? next < stop : next > stop) {
        if (items.size() == budget.limits().rangeLength) {
            throw Failure("a range is longer than " + std::to_string(budget.limits().rangeLength));
        }
        items.emplace_back(next);
        if (__builtin_add_overflow(next, step, &next)) {
            break;
        }
    }
    return makeSequence(budget, std::move(items), SequenceKind::Range);
}

Value strftimeNow(Budget& budget, const Arguments& arguments) {
    constexpr std::size_t mostBytes = 1000;
    const BoundArguments given("strftime_now", arguments, {"format"}, 1);
    const std::string format = given.textOr(0, "");
    if (format.size() > mostBytes) {
        throw Failure("'strftime_now' takes a format of at most " + std::to_string(mostBytes) + " bytes");
    }
    const std::time_t now = std::time(nullptr);
    std::tm local{};
    localtime_r(&now, &local);
    // A mark in front tells an empty result from one that does not fit.
    std::string out(mostBytes * 16, '\0');
    const std::size_t length = std::strftime(out.data(), out.size(), (" " + format).c_str(), &local);
    if (length == 0) {
        throw Failure("'strftime_now' makes too long a text");
    }
    std::string valid;
    appendLossy(valid, std::string_view(out).substr(1, length - 1), true);
    return makeText(budget, std::move(valid));
}

}  // namespace

Value makeFunction(std::string name, std::function<Value(const Arguments&)> call) {
    auto callable = std::make_shared<Callable>();
    callable->name = std::move(name);
    callable->call = std::move(call);
    return Value(std::shared_ptr<const Callable>(std::move(callable)));
}

Value makeDict(Budget& budget, const std::string& function, const Arguments& arguments) {
    if (arguments.positional.size() > 1) {
        throw Failure("'" + function + "' takes at most one argument without a name");
    }
    DictBuilder made(budget);
    if (!arguments.positional.empty() && arguments.positional[0].dict() != nullptr) {
        for (const auto& [key, value] : arguments.positional[0].dict()->entries) {
            made.set(key, value);
        }
    } else if (!arguments.positional.empty()) {
        for (const Value& pair : iterate(budget, arguments.positional[0])) {
            const auto parts = iterate(budget, pair);
            if (parts.size() != 2) {
                throw Failure("'" + function + "' needs pairs of a key and a value");
            }
            made.set(parts[0], parts[1]);
        }
    }
    for (const auto& [name, value] : arguments.named) {
        made.set(name, value);
    }
    return made.take();
}

std::vector<std::pair<std::string, Value>> globalFunctions(Budget& budget) {
    const auto function = [&budget](const char* name, Value (*call)(Budget&, const Arguments&)) {
        return std::pair<std::string, Value>(
            name, makeFunction(name, [&budget, call](const Arguments& arguments) { return call(budget, arguments); }));
    };
    return {function("raise_exception", &raiseException),
            function("range", &range),
            function("strftime_now", &strftimeNow),
            {"dict", makeFunction("dict", [&budget](const Arguments& arguments) {
                 return makeDict(budget, "dict", arguments);
             })}};
}

}  // namespace prefbench::text::templates
