#include <cstdio>

#include "app/cli/commands/commands.h"
#include "app/cli/commands/words.h"
#include "core/labelling/rule.h"

namespace prefbench::cli {

namespace {

struct LabelOptions {
    std::string project, rule, annotator = "rule";
    double noise = 0;
    quint64 seed = 0;
};

void runLabel(const LabelOptions& options) {
    const auto project = project::Project::open(QString::fromStdString(options.project));
    const auto rule = labelling::Rule::byName(QString::fromStdString(options.rule));
    const qint64 answered =
        labelling::labelByRule(*project, *rule, QString::fromStdString(options.annotator), options.noise, options.seed);
    std::printf("%lld comparisons answered by rule %s as annotator %s\n", static_cast<long long>(answered),
                options.rule.c_str(), options.annotator.c_str());
}

}  // namespace

void addLabel(CLI::App& app) {
    auto options = std::make_shared<LabelOptions>();
    CLI::App* command = app.add_subcommand("label", "Let a stated rule answer what it has not answered yet");
    command->add_option("PROJECT", options->project, "Project file")->required();
    command->add_option("--rule", options->rule, "Which rule")
        ->check(CLI::IsMember(words(labelling::Rule::names())))
        ->required();
    command->add_option("--annotator", options->annotator, "Name to answer under")->capture_default_str();
    command->add_option("--noise", options->noise, "Share of its answers to flip")
        ->check(CLI::Range(0.0, 1.0))
        ->capture_default_str();
    command->add_option("--seed", options->seed, "The same seed flips the same answers")->capture_default_str();
    command->callback([options] { runLabel(*options); });
}

}  // namespace prefbench::cli
