#include "core/files/json_lines.h"

#include <algorithm>
#include <sstream>

#include "core/exchange/import_row.h"
#include "core/files/json.h"
#include "core/project/utf8.h"
#include "core/text/utf8.h"
#include "tests/fuzz/fuzz.h"

using namespace prefbench;
using files::OrderedJson;

namespace {

std::int64_t countLines(std::string_view input) {
    std::int64_t lines = 0;
    std::string_view rest = input;
    if (rest.starts_with("\xEF\xBB\xBF")) {
        rest.remove_prefix(3);
    }
    while (!rest.empty()) {
        const std::size_t end = std::min(rest.find('\n'), rest.size());
        lines += rest.substr(0, end).find_first_not_of(" \t\r") != std::string_view::npos ? 1 : 0;
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return lines;
}

void checkValue(const OrderedJson& value) {
    const std::string line = files::toLine(value);
    fuzz::require(line.find('\n') == std::string::npos, "a value is written on one line");
    const OrderedJson again = files::parseOrderedJson(line, {});
    fuzz::require(again == value && files::toLine(again) == line, "a written value is read as the same");
    const files::Json sorted = files::parseJson(line, {});
    fuzz::require(files::parseJson(files::toLine(sorted), {}) == sorted, "and so without its keys' order");
}

void checkRow(const OrderedJson& value, const exchange::ImportRow& row) {
    const OrderedJson prompt = files::parseOrderedJson(row.messages.toStdString(), {});
    fuzz::require(prompt.is_string() || (prompt.is_array() && !prompt.empty()), "a prompt is a text or messages");
    if (!row.answers) {
        return;
    }
    fuzz::require(row.answers->chosen != row.answers->rejected, "the answers of a pair differ");
    if (prompt.is_string() && !value.contains("prompt")) {
        const std::string whole = prompt.get<std::string>() + project::toUtf8(row.answers->chosen);
        fuzz::require(whole == value["chosen"].get<std::string>(), "a prompt taken from an answer is its beginning");
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input = fuzz::viewOf(data, size);
    std::istringstream in{std::string(input)};
    std::int64_t good = 0, bad = 0, last = 0;
    const auto follows = [&last](std::int64_t number) {
        fuzz::require(number > last, "lines come in order");
        last = number;
    };
    fuzz::require(fuzz::accepted([&] {
                      files::readJsonLines(
                          in,
                          [&](std::int64_t number, const OrderedJson& value) {
                              follows(number);
                              ++good;
                              checkValue(value);
                              fuzz::accepted([&] { checkRow(value, exchange::promptRow(value)); });
                              fuzz::accepted([&] { checkRow(value, exchange::pairRow(value)); });
                              fuzz::accepted([&] { files::numberFromJson(value, "number"); });
                          },
                          [&](const files::BadLine& line) {
                              follows(line.number);
                              ++bad;
                              fuzz::requireReadable(Error(line.reason));
                          });
                  }),
                  "bad lines cost themselves only");
    fuzz::require(good + bad == countLines(input), "each line is good or bad");
    const bool isUtf8 = text::validUtf8Length(input) == input.size();
    fuzz::require(fuzz::accepted([&] { exchange::decoded(input); }) == isUtf8, "what is not UTF-8 is refused");
    return 0;
}
