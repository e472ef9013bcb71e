#pragma once

#include <QTest>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "core/model/log_probs.h"
#include "core/model/transformer.h"

// Every family's tiny golden model over one packed batch.

inline prefbench::model::Transformer load(const QString& name, at::ScalarType type) {
    const std::filesystem::path folder =
        std::filesystem::path(PREFBENCH_GOLDEN_DEFAULT) / "models" / name.toStdString();
    return prefbench::model::Transformer::load(prefbench::files::openModelFolder(folder), at::kCPU, type,
                                               prefbench::model::WeightStorage::Owned);
}

/// A pair, a ranking of three and a plain sequence.
inline const std::vector<prefbench::model::PackedBatch::Tree> kTrees = {
    {{5, 9, 21}, {{7, 8, 30, 2}, {11, 4}}}, {{3, 6}, {{17, 40, 6}, {12}, {13, 14}}}, {{8, 9, 10, 11, 12}, {}}};

inline at::Tensor logProbs(const prefbench::model::Transformer& policy, std::vector<std::uint64_t> keys = {},
                           const std::vector<prefbench::model::PackedBatch::Tree>& trees = kTrees) {
    auto batch = prefbench::model::PackedBatch::pack(trees, at::kCPU);
    batch.dropoutKeys = std::move(keys);
    return prefbench::model::branchTokenLogProbs(policy, batch);
}

inline void addFamilies() {
    QTest::addColumn<QString>("name");
    for (const char* name :
         {"gpt2", "gptj", "gpt_neox", "gpt_neox-sequential", "opt", "opt-350m", "falcon-7b", "falcon-40b", "falcon-rw",
          "llama", "mistral", "qwen2", "qwen3", "phi3", "gemma2", "gemma3"}) {
        QTest::newRow(name) << QString(name);
    }
}
