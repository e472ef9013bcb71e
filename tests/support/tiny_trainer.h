#pragma once

#include <QTest>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/files/model_folder.h"
#include "core/training/evaluation.h"
#include "core/training/scoring.h"
#include "core/training/trainer.h"

// A trainer in this process, of a golden model and a handful of examples.

inline prefbench::model::Transformer goldenModel(const std::string& name = "llama", at::ScalarType type = at::kFloat) {
    const std::filesystem::path folder = std::filesystem::path(PREFBENCH_GOLDEN_DEFAULT) / "models" / name;
    return prefbench::model::Transformer::load(prefbench::files::openModelFolder(folder), at::kCPU, type);
}

/// Pairs whose chosen completions repeat one token and whose rejected ones another: easy to tell apart.
inline prefbench::training::Dataset repeatingPairs(std::int64_t count) {
    using Tokens = std::vector<prefbench::text::TokenId>;
    prefbench::training::Dataset dataset;
    for (std::int64_t i = 0; i < count; ++i) {
        prefbench::training::Example example;
        example.id = "pair-" + std::to_string(i);
        example.prompt = {5, 6 + i};
        example.completions = {Tokens(static_cast<std::size_t>(2 + i % 3), 40),
                               Tokens(static_cast<std::size_t>(2 + i % 2), 50)};
        dataset.examples.push_back(std::move(example));
    }
    return dataset;
}

inline prefbench::training::Trainer::Settings trainerSettings(const char* method, std::int64_t batch,
                                                              std::int64_t accumulation) {
    prefbench::training::Trainer::Settings result{prefbench::training::methodNamed(method), {}, 3, 4096};
    result.hyperparameters.batchSize = batch;
    result.hyperparameters.gradientAccumulation = accumulation;
    result.hyperparameters.learningRate = 1e-3;
    result.hyperparameters.maxSteps = 100;
    result.hyperparameters.schedule = "constant";
    return result;
}

/// With the model's own log-probabilities as the reference's, where the method has one.
inline std::unique_ptr<prefbench::training::Trainer> trainerFor(
    prefbench::model::Transformer policy, const prefbench::training::Dataset& data,
    const prefbench::training::Trainer::Settings& settings) {
    prefbench::training::ReferenceLogProbs reference;
    if (settings.method.data != prefbench::training::DataKind::Demonstrations && settings.method.hasReference) {
        reference = scoreDataset(policy, data, settings.tokenBudget);
    }
    return std::make_unique<prefbench::training::Trainer>(std::move(policy), data, std::move(reference), settings);
}

/// An evaluation over what a step is about to train on has that step's numbers.
inline void compareEvaluationWithStep(const prefbench::training::Dataset& data,
                                      const prefbench::training::Trainer::Settings& settings) {
    prefbench::model::Transformer policy = goldenModel();
    const prefbench::training::ReferenceLogProbs reference = scoreDataset(policy, data, settings.tokenBudget);
    prefbench::training::Trainer trainer(std::move(policy), data, reference, settings);
    trainer.step();
    const auto evaluation = evaluate(trainer.policy(), data, reference, settings.method, {}, 100);
    const prefbench::training::StepReport report = trainer.step();
    QVERIFY(std::abs(evaluation.values.at("loss") - report.loss) < 1e-5);
    for (const auto& [name, value] : report.pairMetrics) {
        QVERIFY2(std::abs(evaluation.values.at(name) - value) < 1e-4, name.c_str());
    }
}
