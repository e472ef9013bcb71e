#pragma once

#include <QProcess>
#include <QString>
#include <QStringList>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/contract/run_directory.h"
#include "tests/support/engine_process.h"
#include "tests/support/training_lines.h"

/// A second or two of work: 30 steps, evaluated every 10, a checkpoint every 5.
inline prefbench::contract::RunSpec tinySpec() {
    prefbench::contract::RunSpec spec;
    spec.id = "test";
    spec.model = std::filesystem::path(PREFBENCH_GOLDEN_DEFAULT) / "models" / "gpt2";
    spec.hyperparameters.learningRate = 1e-3;
    spec.hyperparameters.warmupSteps = 3;
    spec.hyperparameters.batchSize = 4;
    spec.hyperparameters.maxSteps = 30;
    spec.hyperparameters.evalEvery = 10;
    spec.hyperparameters.checkpointEvery = 5;
    spec.hyperparameters.evalSamples = 2;
    spec.sampling.maxNewTokens = 8;
    spec.device = "cpu";
    spec.threads = 1;
    spec.seed = 11;
    return spec;
}

/// In `folder`/p.data/runs: the cache of reference log-probabilities is then in `folder`/p.data/cache.
inline prefbench::contract::RunDirectory makeTinyRun(
    const std::filesystem::path& folder, const std::string& name,
    const std::function<void(prefbench::contract::RunSpec&)>& change = {}) {
    prefbench::contract::RunSpec spec = tinySpec();
    if (change) {
        change(spec);
    }
    return prefbench::contract::createRunDirectory(folder / "p.data" / "runs" / name, spec, goldenPairLines(0, 48),
                                                   goldenPairLines(48, 8));
}

/// How an engine's work on a run ended.
struct TrainOutcome {
    int exitCode = -1;  ///< -1: it did not end, -2: it crashed
    QString errors;
};

using Environment = std::vector<std::pair<QString, QString>>;

inline std::unique_ptr<QProcess> startTraining(const prefbench::contract::RunDirectory& run, bool resume = false,
                                               const Environment& environment = {}) {
    auto process = std::make_unique<QProcess>();
    QProcessEnvironment variables = QProcessEnvironment::systemEnvironment();
    for (const auto& [name, value] : environment) {
        variables.insert(name, value);
    }
    process->setProcessEnvironment(variables);
    process->setStandardOutputFile(QProcess::nullDevice());
    QStringList arguments{QStringLiteral("train"), QString::fromStdString(run.path.string())};
    if (resume) {
        arguments << QStringLiteral("--resume");
    }
    process->start(engineProgram(), arguments);
    process->waitForStarted();
    return process;
}

inline TrainOutcome endOf(QProcess& process) {
    constexpr int patience = 240000;  // ms
    if (process.state() != QProcess::NotRunning && !process.waitForFinished(patience)) {
        process.kill();
        return {-1, QStringLiteral("does not end")};
    }
    return {process.exitStatus() == QProcess::NormalExit ? process.exitCode() : -2,
            QString::fromUtf8(process.readAllStandardError())};
}

inline TrainOutcome train(const prefbench::contract::RunDirectory& run, bool resume = false,
                          const Environment& environment = {}) {
    return endOf(*startTraining(run, resume, environment));
}
