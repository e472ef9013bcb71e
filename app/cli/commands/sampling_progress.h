#pragma once

#include <QElapsedTimer>
#include <cstdio>

#include "core/workbench/sampling_job.h"

namespace prefbench::cli {

/// Prints how far sampling is on standard error, a line a second.
class SamplingProgress {
  public:
    explicit SamplingProgress(QString stage = QStringLiteral("sample")) : stage_(std::move(stage)) { clock_.start(); }

    void operator()(const workbench::SamplingJob::Progress& progress) {
        const bool last = progress.prompts == progress.totalPrompts;
        if (clock_.elapsed() < 1000 && !last) {
            return;
        }
        clock_.restart();
        std::fprintf(stderr,
                     "%-9s %lld/%lld prompts  %lld completions  %lld comparisons  %.1f prompts/s  %.0f s left\n",
                     qUtf8Printable(stage_), static_cast<long long>(progress.prompts),
                     static_cast<long long>(progress.totalPrompts), static_cast<long long>(progress.completions),
                     static_cast<long long>(progress.comparisons), progress.promptsPerSecond, progress.secondsLeft);
    }

  private:
    QString stage_;
    QElapsedTimer clock_;
};

}  // namespace prefbench::cli
