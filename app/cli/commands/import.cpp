#include <QStringList>
#include <cstdio>

#include "app/cli/commands/commands.h"
#include "app/cli/commands/words.h"
#include "core/exchange/import.h"
#include "core/files/durable_file.h"

namespace prefbench::cli {

namespace {

constexpr qsizetype problemsShown = 20;

struct ImportOptions {
    std::string project, file, format = "auto", split = "train", report;
};

void printProblems(const exchange::ImportReport& report) {
    for (const exchange::ImportProblem& problem : report.problems.mid(0, problemsShown)) {
        std::fprintf(stderr, "line %lld: %s\n", static_cast<long long>(problem.line), qUtf8Printable(problem.reason));
    }
    const qsizetype more = report.problems.size() - problemsShown;
    if (more > 0) {
        std::fprintf(stderr, "and %lld lines more; --report FILE.json names them all\n", static_cast<long long>(more));
    }
}

void runImport(const ImportOptions& options) {
    const auto project = project::Project::open(QString::fromStdString(options.project));
    const project::Split split = options.split == "test" ? project::Split::Test : project::Split::Train;
    const exchange::ImportReport report = exchange::importFile(*project, QString::fromStdString(options.file),
                                                               QString::fromStdString(options.format), split);
    printProblems(report);
    std::printf("%s\n", qUtf8Printable(report.summary()));
    if (!options.report.empty()) {
        files::writeDurably(options.report, report.toJson().toStdString());
    }
}

}  // namespace

void addImport(CLI::App& app) {
    auto options = std::make_shared<ImportOptions>();
    CLI::App* command = app.add_subcommand("import", "Read prompts or labelled pairs from a file");
    command->add_option("PROJECT", options->project, "Project file")->required();
    command->add_option("FILE", options->file, "Prompts (text, one a line; JSON lines) or TRL pairs (JSON lines)")
        ->required();
    command->add_option("--format", options->format, "What the file holds")
        ->check(CLI::IsMember(words(exchange::importFormats())))
        ->capture_default_str();
    command->add_option("--split", options->split, "Where new prompts go")
        ->check(CLI::IsMember({"train", "test"}))
        ->capture_default_str();
    command->add_option("--report", options->report, "Write what was read and left out as JSON");
    command->callback([options] { runImport(*options); });
}

}  // namespace prefbench::cli
