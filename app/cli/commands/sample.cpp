#include <QFileInfo>
#include <cstdio>
#include <map>

#include "app/cli/commands/commands.h"
#include "app/cli/commands/sampling_progress.h"
#include "core/project/models.h"
#include "core/workbench/sampling_job.h"
#include "core/workbench/store.h"

namespace prefbench::cli {

namespace {

struct SampleOptions {
    std::string project, model, split = "train", pairs = "all";
    contract::SamplingSettings settings;
    qint64 limit = 0;
};

QString registerModel(const QString& projectPath, const QString& folder) {
    const auto project = project::Project::open(projectPath);
    return project::Models(*project).ensure(QFileInfo(folder).absoluteFilePath(),
                                            QFileInfo(folder).canonicalFilePath().section(QLatin1Char('/'), -1));
}

void runSample(const SampleOptions& options) {
    const QString path = QString::fromStdString(options.project);
    contract::check(options.settings);
    workbench::SamplingRequest request;
    request.modelId = registerModel(path, QString::fromStdString(options.model));
    request.settings = options.settings;
    request.promptLimit = options.limit;
    request.policy = options.pairs == "all" ? workbench::PairPolicy::All : workbench::PairPolicy::Disjoint;
    request.split = options.split == "all"    ? std::nullopt
                    : options.split == "test" ? std::optional(project::Split::Test)
                                              : std::optional(project::Split::Train);
    workbench::Store store;
    workbench::openAndWait(store, path);
    const auto result = workbench::sampleAndWait(store, request, SamplingProgress());
    if (result.refused > 0) {
        std::fprintf(stderr, "%lld prompts were refused; the first: %s\n", static_cast<long long>(result.refused),
                     qUtf8Printable(result.firstRefusal));
    }
    std::printf("%lld prompts, %lld completions, %lld comparisons\n", static_cast<long long>(result.prompts),
                static_cast<long long>(result.completions), static_cast<long long>(result.comparisons));
}

}  // namespace

void addSample(CLI::App& app) {
    auto options = std::make_shared<SampleOptions>();
    options->settings.samples = 2;
    CLI::App* command = app.add_subcommand("sample", "Sample completions for a project's prompts and pair them");
    command->add_option("PROJECT", options->project, "Project file")->required();
    command->add_option("--model", options->model, "Hugging Face model folder")->required();
    command->add_option("--per-prompt", options->settings.samples, "Completions a prompt")->capture_default_str();
    command->add_option("--temperature", options->settings.temperature, "0 is greedy")->capture_default_str();
    command->add_option("--top-p", options->settings.topP, "1 is off")->capture_default_str();
    command->add_option("--top-k", options->settings.topK, "0 is off")->capture_default_str();
    command->add_option("--min-p", options->settings.minP, "0 is off")->capture_default_str();
    command->add_option("--repetition-penalty", options->settings.repetitionPenalty, "1 is off")->capture_default_str();
    command->add_option("--stop", options->settings.stop, "Texts that end a completion, which ends before them");
    command->add_option("--min-new-tokens", options->settings.minNewTokens, "No end before so many")
        ->capture_default_str();
    command->add_option("--max-new-tokens", options->settings.maxNewTokens, "Longest completion")
        ->capture_default_str();
    command->add_option("--seed", options->settings.seed, "The same seed draws the same samples")
        ->capture_default_str();
    command->add_option("--split", options->split, "Which prompts: train, test, all")
        ->check(CLI::IsMember({"train", "test", "all"}))
        ->capture_default_str();
    command->add_option("--limit", options->limit, "At most this many prompts; 0 is no limit")->capture_default_str();
    command->add_option("--pairs", options->pairs, "Comparisons made: all, or disjoint (1-2, 3-4, ...)")
        ->check(CLI::IsMember({"all", "disjoint"}))
        ->capture_default_str();
    command->callback([options] { runSample(*options); });
}

}  // namespace prefbench::cli
