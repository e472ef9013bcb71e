#include <QObject>
#include <QTemporaryDir>
#include <QTest>
#include <cmath>
#include <limits>

#include "core/files/durable_file.h"
#include "core/training/reference.h"
#include "tests/support/finished_run.h"
#include "tests/support/tiny_run.h"

using namespace prefbench;
using contract::RunDirectory;
using contract::RunState;

/// Steps whose loss or gradient is not finite are skipped, and ten in a row end the run.
class TestNonFinite : public QObject {
    Q_OBJECT

    QTemporaryDir dir_;

    std::filesystem::path folder() const { return dir_.path().toStdString(); }

    /// A run of one pair a step in file order.
    RunDirectory makeRun(const std::string& name) const {
        return makeTinyRun(folder(), name, [](contract::RunSpec& spec) {
            spec.hyperparameters.batchSize = 1;
            spec.hyperparameters.shuffle = false;
            spec.hyperparameters.maxSteps = 16;
        });
    }

    /// The reference's log-probabilities of the training pairs that steps `first` to `last` take become NaN.
    void spoil(std::int64_t first, std::int64_t last) const {
        const std::filesystem::path cache = folder() / "p.data" / "cache" / "reference";
        for (const std::string& name : namesIn(cache)) {
            const std::string key = std::filesystem::path(name).stem().string();
            constexpr std::size_t trainingNumbers = 2 * 48;
            if (auto numbers = training::readCachedReference(cache, key, trainingNumbers)) {
                for (std::int64_t step = first; step <= last; ++step) {
                    (*numbers)[2 * static_cast<std::size_t>(step - 1)] = std::numeric_limits<double>::quiet_NaN();
                }
                training::cacheReference(cache, key, *numbers);
                return;
            }
        }
        QFAIL("no cached reference");
    }

    static std::vector<std::int64_t> skippedSteps(const RunDirectory& run) {
        std::vector<std::int64_t> steps;
        for (const contract::MetricRecord& record : recordsOf(run)) {
            if (record.values.contains("skipped")) {
                steps.push_back(record.step);
            }
        }
        return steps;
    }

  private Q_SLOTS:
    void init() {
        std::filesystem::remove_all(folder() / "p.data");
        const RunDirectory clean = makeRun("clean");
        QCOMPARE(train(clean).exitCode, 0);
        QCOMPARE(skippedSteps(clean), std::vector<std::int64_t>());
    }

    void nineInARowAreSkippedAndTheRunGoesOn() {
        spoil(2, 10);
        const RunDirectory run = makeRun("nine");
        const TrainOutcome outcome = train(run);
        QVERIFY2(outcome.exitCode == 0, qPrintable(outcome.errors));
        QCOMPARE(skippedSteps(run), (std::vector<std::int64_t>{2, 3, 4, 5, 6, 7, 8, 9, 10}));
        QCOMPARE(trainStepsOf(run), stepsUpTo(16));
        QVERIFY(outcome.errors.contains(QStringLiteral("step 10 skipped: loss nan")));
    }

    void theTenthEndsTheRunAlsoAfterResuming() {
        spoil(2, 12);
        const RunDirectory run = makeRun("ten");
        for (const bool resume : {false, true}) {
            const TrainOutcome outcome = train(run, resume);
            QCOMPARE(outcome.exitCode, 1);
            const contract::RunStatus status = contract::readStatus(run);
            QCOMPARE(status.state, RunState::Failed);
            // The checkpoint at step 10 knows of nine.
            QVERIFY2(status.message.starts_with("step 11: loss nan") &&
                         status.message.find("the 10th step in a row that is not finite; last finite: step 1 with") !=
                             std::string::npos,
                     status.message.c_str());
            QCOMPARE(trainStepsOf(run), stepsUpTo(11));
        }
    }

    void aGradientThatIsNotFiniteIsSkippedThoughTheLossIs() {
        // Losses are summed in double precision; with smoothing every pair has a slope, and float32 cannot hold it.
        const RunDirectory run = makeTinyRun(folder(), "gradient", [](contract::RunSpec& spec) {
            spec.method = "cdpo";
            spec.hyperparameters.labelSmoothing = 0.4;
            spec.hyperparameters.beta = 1e30;
            spec.hyperparameters.maxSteps = 9;
        });
        const TrainOutcome outcome = train(run);
        QVERIFY2(outcome.exitCode == 0, qPrintable(outcome.errors));
        QCOMPARE(skippedSteps(run), stepsUpTo(9));
        const contract::MetricRecord first = recordsOf(run).at(1);
        QVERIFY(std::isfinite(first.values.at("loss")));
        QVERIFY(!std::isfinite(first.values.at("grad_norm")));
        // What was skipped changed nothing.
        QVERIFY(files::readFile(run.finalModel() / "model.safetensors") ==
                files::readFile(run.checkpoints() / "step-000005" / "model.safetensors"));
    }
};

QTEST_GUILESS_MAIN(TestNonFinite)
#include "tst_non_finite.moc"
