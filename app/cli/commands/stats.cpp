#include <cstdio>

#include "app/cli/commands/commands.h"
#include "core/files/json.h"
#include "core/project/annotators.h"
#include "core/project/comparisons.h"
#include "core/project/completions.h"
#include "core/project/judgements.h"
#include "core/project/models.h"
#include "core/project/prompts.h"
#include "core/project/runs.h"

namespace prefbench::cli {

using files::OrderedJson;
using namespace project;

namespace {

struct StatsOptions {
    std::string project;
    bool json = false;
};

const char* kindName(AnnotatorKind kind) {
    return kind == AnnotatorKind::Rule ? "rule" : kind == AnnotatorKind::Model ? "model" : "human";
}

OrderedJson collect(Project& project) {
    const Judgements::Counts counts = Judgements(project).counts();
    OrderedJson annotators = OrderedJson::array();
    for (const Annotator& annotator : Annotators(project).all()) {
        annotators.push_back({{"name", annotator.name.toStdString()},
                              {"kind", kindName(annotator.kind)},
                              {"answered", Judgements(project).countAnswered(annotator.id)}});
    }
    return {
        {"project", project.path().toStdString()},
        {"prompts", {{"train", Prompts(project).count(Split::Train)}, {"test", Prompts(project).count(Split::Test)}}},
        {"completions", Completions(project).count()},
        {"comparisons", Comparisons(project).count()},
        {"judgements",
         {{"decided", counts.decided},
          {"ties", counts.ties},
          {"both_bad", counts.bothBad},
          {"skipped", counts.skipped}}},
        {"annotators", annotators},
        {"models", Models(project).all().size()},
        {"runs", Runs(project).all().size()}};
}

void print(const OrderedJson& stats) {
    const auto number = [](const OrderedJson& value) { return static_cast<long long>(value.get<qint64>()); };
    const OrderedJson& prompts = stats["prompts"];
    const OrderedJson& judgements = stats["judgements"];
    std::printf("prompts      %lld (%lld train, %lld test)\n", number(prompts["train"]) + number(prompts["test"]),
                number(prompts["train"]), number(prompts["test"]));
    std::printf("completions  %lld\n", number(stats["completions"]));
    std::printf("comparisons  %lld\n", number(stats["comparisons"]));
    std::printf("judgements   %lld decided, %lld ties, %lld both bad, %lld skipped\n", number(judgements["decided"]),
                number(judgements["ties"]), number(judgements["both_bad"]), number(judgements["skipped"]));
    for (const OrderedJson& annotator : stats["annotators"]) {
        std::printf("  %-20s %-6s %lld answered\n", annotator["name"].get<std::string>().c_str(),
                    annotator["kind"].get<std::string>().c_str(), number(annotator["answered"]));
    }
    std::printf("models       %lld\n", number(stats["models"]));
    std::printf("runs         %lld\n", number(stats["runs"]));
}

void runStats(const StatsOptions& options) {
    const auto project = Project::open(QString::fromStdString(options.project), Project::Mode::ReadOnly);
    const OrderedJson stats = collect(*project);
    if (options.json) {
        std::printf("%s\n", files::toLine(stats).c_str());
    } else {
        print(stats);
    }
}

}  // namespace

void addStats(CLI::App& app) {
    auto options = std::make_shared<StatsOptions>();
    CLI::App* command = app.add_subcommand("stats", "Count what a project holds");
    command->add_option("PROJECT", options->project, "Project file")->required();
    command->add_flag("--json", options->json, "One JSON line");
    command->callback([options] { runStats(*options); });
}

}  // namespace prefbench::cli
