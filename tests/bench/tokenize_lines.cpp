#include <chrono>
#include <cstdio>
#include <exception>
#include <iostream>
#include <string>

#include "core/files/durable_file.h"
#include "core/files/json.h"
#include "core/text/tokenizer.h"

using namespace prefbench;

namespace {

/// Each line of standard input is a JSON string; each line written is {"ids", "decoded"}.
void answer(const text::Tokenizer& tokenizer) {
    for (std::string line; std::getline(std::cin, line);) {
        const auto ids = tokenizer.encode(files::parseJson(line, "").get<std::string>(), true);
        std::cout << files::toLine(files::Json{{"ids", ids}, {"decoded", tokenizer.decode(ids, false)}}) << '\n';
    }
}

/// Encodes the file's lines one by one and prints the seconds that the fastest of three rounds took.
void measure(const text::Tokenizer& tokenizer, const char* file) {
    const std::string all = files::readFile(file);
    double best = 1e9;
    std::size_t count = 0;
    for (int round = 0; round < 3; ++round) {
        count = 0;
        const auto start = std::chrono::steady_clock::now();
        for (std::size_t begin = 0; begin < all.size();) {
            const std::size_t end = std::min(all.find('\n', begin), all.size());
            count += tokenizer.encode(std::string_view(all).substr(begin, end - begin), true).size();
            begin = end + 1;
        }
        const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
        best = std::min(best, taken.count());
    }
    std::printf("%.4f %zu\n", best, count);
}

}  // namespace

/// prefbench-bench-tokenizer FILE [TEXT]: FILE is a tokenizer.json or tokenizer.model.
int main(int argc, char** argv) {
    try {
        const auto tokenizer = text::Tokenizer::loadFile(argc > 1 ? argv[1] : "");
        if (argc > 2) {
            measure(*tokenizer, argv[2]);
        } else {
            answer(*tokenizer);
        }
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
