#include <QObject>
#include <QTemporaryDir>
#include <QTest>
#include <filesystem>
#include <optional>

#include "core/files/durable_file.h"
#include "core/files/model_folder.h"
#include "core/training/dataset.h"
#include "core/training/reference_pass.h"
#include "core/training/scoring.h"
#include "tests/support/finished_run.h"
#include "tests/support/tiny_run.h"

using namespace prefbench;
using namespace prefbench::training;

/// A pass with the reference that is cut short goes on where it was.
class TestReferencePass : public QObject {
    Q_OBJECT

    struct Cut {};

    QTemporaryDir dir_;
    std::optional<model::Transformer> model_;
    Dataset data_;
    ReferenceLogProbs expected_;

    static constexpr std::int64_t budget = 120;

    ReferencePass pass() const {
        return {{"weights", "tokenizer", "float32", 0, 1}, dir_.path().toStdString(), budget, std::chrono::seconds(0)};
    }

    /// Cut after that many examples; how many were scored.
    std::int64_t cutAfter(std::int64_t examples) {
        std::int64_t parts = 0;
        try {
            referenceLogProbs(*model_, data_, pass(), [&](std::int64_t done, std::int64_t) {
                ++parts;
                if (done >= examples) {
                    throw Cut{};
                }
            });
        } catch (const Cut&) {
        }
        return parts;
    }

    std::int64_t rest() {
        std::int64_t parts = 0;
        const ReferenceLogProbs result =
            referenceLogProbs(*model_, data_, pass(), [&](std::int64_t, std::int64_t) { ++parts; });
        return result == expected_ ? parts : -1;
    }

  private Q_SLOTS:
    void initTestCase() {
        const files::ModelFolder folder =
            files::openModelFolder(std::filesystem::path(PREFBENCH_GOLDEN_DEFAULT) / "models" / "gpt2");
        model_.emplace(model::Transformer::load(folder, at::kCPU, at::kFloat));
        const auto conversations = text::Conversations::load(folder.folder, text::Tokenizer::load(folder.folder));
        const std::filesystem::path file = std::filesystem::path(dir_.path().toStdString()) / "data.jsonl";
        files::writeDurably(file, goldenPairLines(0, 24));
        data_ = loadDataset(file, DataKind::Pairs, conversations, 0);
        std::filesystem::remove(file);
        expected_ = scoreDataset(*model_, data_, budget);
    }

    void cleanup() {
        for (const std::string& name : namesIn(dir_.path().toStdString())) {
            std::filesystem::remove(std::filesystem::path(dir_.path().toStdString()) / name);
        }
    }

    void goesOnToTheSameBits() {
        const std::int64_t before = cutAfter(12);
        const std::int64_t after = rest();
        cleanup();
        const std::int64_t whole = rest();
        QVERIFY(before > 1 && after > 0);
        QCOMPARE(before + after, whole);
        // Only the whole pass is left.
        QCOMPARE(namesIn(dir_.path().toStdString()).size(), std::size_t(1));
        QCOMPARE(rest(), 0);
    }

    void damageMeansBeginningAnew() {
        const std::int64_t whole = rest();
        cleanup();
        cutAfter(12);
        const std::vector<std::string> names = namesIn(dir_.path().toStdString());
        QCOMPARE(names.size(), std::size_t(1));
        std::string bytes = files::readFile(std::filesystem::path(dir_.path().toStdString()) / names[0]);
        bytes.back() = static_cast<char>(bytes.back() ^ 1);
        files::writeDurably(std::filesystem::path(dir_.path().toStdString()) / names[0], bytes);
        QCOMPARE(rest(), whole);
    }

    void anotherBudgetBeginsAnew() {
        cutAfter(12);
        ReferencePass other = pass();
        other.tokenBudget = 100000;
        std::int64_t firstDone = 0;
        referenceLogProbs(*model_, data_, other,
                          [&](std::int64_t done, std::int64_t) { firstDone = firstDone == 0 ? done : firstDone; });
        QCOMPARE(firstDone, std::int64_t(24));
    }
};

QTEST_GUILESS_MAIN(TestReferencePass)
#include "tst_reference_pass.moc"
