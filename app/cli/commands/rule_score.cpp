#include <fstream>
#include <iostream>

#include "app/cli/commands/commands.h"
#include "app/cli/commands/words.h"
#include "core/files/error.h"
#include "core/files/json_lines.h"
#include "core/labelling/starter_rule.h"

namespace prefbench::cli {

namespace {

struct RuleScoreOptions {
    std::string rule, in, out;
};

QString text(const files::OrderedJson& line, const char* key) {
    const auto found = line.is_object() ? line.find(key) : line.end();
    if (found == line.end() || !found->is_string()) {
        throw Error(std::string("needs a text \"") + key + "\"");
    }
    return QString::fromStdString(found->get<std::string>());
}

/// {"score"}, and for the starter rule what it saw.
files::OrderedJson scored(const labelling::Rule& rule, const files::OrderedJson& line) {
    const QString prompt = text(line, "prompt"), completion = text(line, "completion");
    const auto* starter = dynamic_cast<const labelling::StarterRule*>(&rule);
    if (!starter) {
        return {{"score", rule.score(prompt, completion)}};
    }
    const labelling::ReviewFindings found = starter->examine(prompt, completion);
    return {{"score", found.score()},
            {"mood", found.mood()},
            {"sentences", found.sentences},
            {"repetitions", found.repetitions},
            {"contradictions", found.contradictions},
            {"trails_off", found.trailsOff},
            {"broken", found.broken}};
}

void runRuleScore(const RuleScoreOptions& options) {
    const auto rule = labelling::Rule::byName(QString::fromStdString(options.rule));
    std::ofstream file;
    if (!options.out.empty()) {
        file.open(options.out);
        if (!file) {
            throw Error(options.out + ": cannot be written");
        }
    }
    std::ostream& out = options.out.empty() ? std::cout : file;
    qint64 bad = 0;
    const auto onBad = [&](const files::BadLine& line) {
        ++bad;
        const std::string message = "line " + std::to_string(line.number) + ": " + line.reason;
        out << files::toLine(files::OrderedJson{{"error", message}}) << '\n';
    };
    const auto onValue = [&](std::int64_t, const files::OrderedJson& line) {
        out << files::toLine(scored(*rule, line)) << '\n';
    };
    if (options.in.empty()) {
        files::readJsonLines(std::cin, onValue, onBad);
    } else {
        files::readJsonLinesFile(options.in, onValue, onBad);
    }
    if (!out.flush()) {
        throw Error((options.out.empty() ? "standard output" : options.out) + ": cannot be written");
    }
    if (bad > 0) {
        throw Error(std::to_string(bad) + " of the lines could not be scored; their \"error\" says why");
    }
}

}  // namespace

void addRuleScore(CLI::App& app) {
    auto options = std::make_shared<RuleScoreOptions>();
    CLI::App* command =
        app.add_subcommand("rule-score", R"(Score JSON lines {"prompt","completion"} by a stated rule)");
    command->add_option("--rule", options->rule, "Which rule")
        ->check(CLI::IsMember(words(labelling::Rule::names())))
        ->required();
    command->add_option("--in", options->in, "File to read; default: standard input");
    command->add_option("--out", options->out, "File to write; default: standard output");
    command->callback([options] { runRuleScore(*options); });
}

}  // namespace prefbench::cli
