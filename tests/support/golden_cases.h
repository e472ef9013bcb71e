#pragma once

#include <QDir>
#include <QString>
#include <QStringList>
#include <QTest>
#include <cstdio>
#include <exception>

/// Golden folders: $PREFBENCH_GOLDEN, by default tests/golden. A test counts what it ran, failed and skipped in each
/// folder, names each failing case, and ends with `finish()`, which fails the test when a folder held cases and none
/// ran.
class GoldenCases {
  public:
    static QDir root() {
        const QString chosen = qEnvironmentVariable("PREFBENCH_GOLDEN");
        return QDir(chosen.isEmpty() ? QStringLiteral(PREFBENCH_GOLDEN_DEFAULT) : chosen);
    }
    /// Absolute paths of the folders below `kind` (models, tokenizers, trajectories), sorted.
    static QStringList folders(const QString& kind) {
        QStringList paths;
        const QDir folder(root().filePath(kind));
        for (const QString& name : folder.entryList(QDir::Dirs | QDir::NoDotAndDotDot, QDir::Name)) {
            paths << folder.filePath(name);
        }
        return paths;
    }

    explicit GoldenCases(const QString& folder) : folder_(folder) {}

    /// Counts one case; a failing one is named on standard error.
    bool check(bool passed, const QString& name, const QString& detail = {}) {
        ++run_;
        if (!passed) {
            ++failed_;
            std::fprintf(stderr, "golden FAILED %s: %s %s\n", qPrintable(folder_), qPrintable(name),
                         qPrintable(detail));
        }
        return passed;
    }
    /// A case or folder that this version does not do, with the reason.
    void skip(const QString& name, const QString& reason, int cases = 1) {
        skipped_ += cases;
        std::printf("golden skipped %s: %s (%s)\n", qPrintable(folder_), qPrintable(name), qPrintable(reason));
    }
    /// Does the work; what it throws is a failed case of that name.
    template <class Work>
    void guard(const QString& name, Work work) {
        try {
            work();
        } catch (const std::exception& error) {
            check(false, name, QString::fromUtf8(error.what()));
        }
    }
    /// Prints the folder's line; true when something ran and nothing failed.
    bool finish() const {
        std::printf("golden %s: run %d, failed %d, skipped %d\n", qPrintable(folder_), run_, failed_, skipped_);
        std::fflush(stdout);
        return failed_ == 0 && run_ > 0;
    }

  private:
    QString folder_;
    int run_ = 0, failed_ = 0, skipped_ = 0;
};
