#include <QFileInfo>
#include <cstdio>

#include "app/cli/commands/commands.h"
#include "core/files/error.h"
#include "ui/charts/run_charts.h"

namespace prefbench::cli {

namespace {

struct PlotOptions {
    std::string run, file;
    int width = 1600, height = 1000;
};

void runPlot(const PlotOptions& options) {
    const QString folder = QString::fromStdString(options.run);
    if (!QFileInfo::exists(folder + QStringLiteral("/metrics.jsonl"))) {
        throw Error(options.run + ": not a run directory with a metrics.jsonl");
    }
    charts::plotRun(folder, QString::fromStdString(options.file), {options.width, options.height});
    std::printf("%s\n", options.file.c_str());
}

}  // namespace

void addPlot(CLI::App& app) {
    auto options = std::make_shared<PlotOptions>();
    CLI::App* command = app.add_subcommand("plot", "Draw a run's charts into a file");
    command->add_option("RUN", options->run, "Run directory")->required();
    command->add_option("FILE", options->file, "PNG file, or PDF by its suffix")->required();
    command->add_option("--width", options->width, "Pixels")->check(CLI::Range(200, 20000))->capture_default_str();
    command->add_option("--height", options->height, "Pixels")->check(CLI::Range(200, 20000))->capture_default_str();
    command->callback([options] { runPlot(*options); });
}

}  // namespace prefbench::cli
