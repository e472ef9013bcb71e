#include <QFile>
#include <QFileInfo>
#include <cstdio>

#include "app/cli/commands/commands.h"
#include "app/cli/commands/words.h"
#include "core/contract/run_directory.h"
#include "core/exchange/export.h"
#include "core/project/runs.h"
#include "core/project/utf8.h"

namespace prefbench::cli {

namespace {

constexpr const char* modelFormat = "model";

struct ExportOptions {
    std::string project, file, format = "trl-pairs", run;
};

QString modelFolder(project::Project& project, const project::Run& run) {
    const std::filesystem::path folder(QFile::encodeName(project.absolutePath(run.folder)).toStdString());
    return QFile::decodeName(contract::RunDirectory{folder}.finalModel().c_str());
}

/// The model of the run with that name or id; of the newest run that has one where none is named.
QString findModel(project::Project& project, const QString& wanted) {
    QString found;
    for (const project::Run& run : project::Runs(project).all()) {
        const QString folder = modelFolder(project, run);
        const bool matches = wanted.isEmpty() ? QFileInfo(folder).isDir() : run.name == wanted || run.id == wanted;
        found = matches ? folder : found;
    }
    if (found.isEmpty()) {
        throw Error(project::toUtf8(project.path() + (wanted.isEmpty()
                                                          ? QStringLiteral(": no run has finished with a model yet")
                                                          : QStringLiteral(": there is no run \"%1\"").arg(wanted))));
    }
    return found;
}

void runExport(const ExportOptions& options) {
    const auto project =
        project::Project::open(QString::fromStdString(options.project), project::Project::Mode::ReadOnly);
    const QString target = QString::fromStdString(options.file);
    if (options.format == modelFormat) {
        const QString folder = findModel(*project, QString::fromStdString(options.run));
        exchange::exportModel(folder, target);
        std::printf("Exported %s to %s\n", qUtf8Printable(folder), qUtf8Printable(target));
        return;
    }
    const auto report = exchange::exportPairs(*project, target, QString::fromStdString(options.format));
    std::printf("%s to %s\n", qUtf8Printable(report.summary()), qUtf8Printable(target));
}

}  // namespace

void addExport(CLI::App& app) {
    auto options = std::make_shared<ExportOptions>();
    std::vector<std::string> formats = words(exchange::exportFormats());
    formats.emplace_back(modelFormat);
    CLI::App* command = app.add_subcommand("export", "Write labelled pairs as a data set, or a run's model");
    command->add_option("PROJECT", options->project, "Project file")->required();
    command->add_option("FILE", options->file, "File to write; for a model a new folder")->required();
    command
        ->add_option("--format", options->format,
                     "trl-pairs: JSON lines of prompt, chosen, rejected; model: Hugging Face folder")
        ->check(CLI::IsMember(formats))
        ->capture_default_str();
    command->add_option("--run", options->run, "Whose model: a run's name or id (default: the newest with a model)");
    command->callback([options] { runExport(*options); });
}

}  // namespace prefbench::cli
