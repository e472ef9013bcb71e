#include "core/training/training_run.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <new>
#include <optional>
#include <thread>
#include <utility>

#include "core/contract/metrics.h"
#include "core/files/durable_file.h"
#include "core/files/error.h"
#include "core/files/model_folder.h"
#include "core/model/lora.h"
#include "core/training/checkpoint.h"
#include "core/training/durable_folder.h"
#include "core/training/evaluation.h"
#include "core/training/memory.h"
#include "core/training/reference_pass.h"
#include "core/training/resources.h"
#include "core/training/run_data.h"
#include "core/training/run_log.h"
#include "core/training/run_records.h"
#include "core/training/samples.h"
#include "core/training/status_writer.h"
#include "core/training/trainer.h"

namespace prefbench::training {
namespace {

using contract::RunState;
using contract::RunStatus;

constexpr std::int64_t kSkippedInARowAllowed = 9;
constexpr std::uint64_t kSlackBytes = 16u << 20;  // metrics, margins, samples, log

/// Thrown where a signal to stop reaches the run between two steps: while it prepares or evaluates.
struct Stopping {};

/// One run, from its lock to its end. Its parts are made in the order in which they stand here.
class TrainingRun {
  public:
    TrainingRun(contract::RunDirectory run, RunStatus status, const std::atomic<bool>& stop)
        : run_(std::move(run)), stop_(stop), log_(run_.log()), status_(run_, std::move(status)) {}

    RunState carryOut(bool resume);

  private:
    RunState work(bool resume);
    void prepare(bool resume);
    void loadData(const files::ModelFolder& folder);
    ReferenceLogProbs reference(const model::Transformer& model, const Dataset& dataset,
                                const ReferenceIdentity& identity, const char* what);
    model::Transformer loadModel(const files::ModelFolder& folder) const;
    void layAdapter(model::Transformer& start) const;
    void resolveChoices(const model::Architecture& architecture);
    void chooseLibraries(model::Transformer& start);
    void keepChoices(const files::OrderedJson& before);
    void checkMemory(const files::ModelFolder& folder, const model::Architecture& architecture);
    void rehearse();
    void makeTrainer(model::Transformer start, ReferenceLogProbs reference, bool resume);
    RunState train();
    void takeSteps();
    void record(const StepReport& report, double seconds);
    void countSkipped(const StepReport& report);
    bool evaluationIsDue() const;
    void evaluateNow();
    std::vector<std::string> samplesNow(std::int64_t step);
    void recordEvaluation(const Evaluation& evaluation, std::int64_t step);
    void checkpoint();
    bool obeyRequests();
    void finish();
    void stopIfAsked() const;
    void preparing(const std::string& message);
    void fail(const std::string& message);

    contract::RunDirectory run_;
    const std::atomic<bool>& stop_;
    RunLog log_;
    StatusWriter status_;
    std::optional<files::LineAppender> metrics_;
    contract::RunSpec spec_;
    Method method_;
    Resolved resolved_;
    model::ModelLibraries libraries_;
    std::optional<text::Conversations> conversations_;
    std::int64_t maxLength_ = 0;
    Dataset train_, eval_;
    ReferenceLogProbs evalReference_;
    std::optional<Trainer> trainer_;
    std::optional<SampleWriter> samples_;
    CheckpointState state_;
    double secondsPerStep_ = 0;  ///< smoothed
};

std::string formatted(const char* format, double value) {
    if (std::isnan(value)) {
        return "nan";  // its sign says nothing
    }
    char text[64];
    std::snprintf(text, sizeof text, format, value);
    return text;
}

RunState TrainingRun::carryOut(bool resume) {
    try {
        const RunState end = work(resume);
        status_.publish([end](RunStatus& status) {
            status.state = end;
            status.message.clear();
            status.etaSeconds = 0;
        });
        log_.say(contract::toString(end));
        return end;
    } catch (const std::bad_alloc&) {
        fail("out of memory; lower batch_size or max_length, or choose a smaller model");
        throw;
    } catch (const std::exception& error) {
        fail(error.what());
        throw;
    }
}

RunState TrainingRun::work(bool resume) {
    try {
        prepare(resume);
    } catch (const Stopping&) {
        return RunState::Stopped;
    }
    const RunState end = train();
    if (end == RunState::Finished) {
        finish();
    }
    return end;
}

void TrainingRun::fail(const std::string& message) {
    log_.say("failed: " + message);
    try {
        status_.publish([&](RunStatus& status) {
            status.state = RunState::Failed;
            status.message = message.substr(0, message.find('\n'));
        });
    } catch (const Error& error) {
        // The disk is so full that not even this fits; the message given says what failed first.
        log_.say(error.what());
    }
}

void TrainingRun::stopIfAsked() const {
    if (stop_) {
        throw Stopping{};
    }
}

void TrainingRun::preparing(const std::string& message) {
    stopIfAsked();
    log_.say(message);
    status_.publish([&](RunStatus& status) {
        status.state = RunState::Preparing;
        status.message = message;
    });
}

void TrainingRun::prepare(bool resume) {
    preparing("reading the data");
    metrics_.emplace(run_.metrics());
    spec_ = contract::readRunSpec(run_);
    method_ = methodNamed(spec_.method);
    checkSettings(method_, spec_.hyperparameters);
    const files::ModelFolder folder = openStartModel(run_, spec_);
    loadData(folder);
    const auto architecture = model::architectureFromConfig(folder.config, (folder.folder / "config.json").string());
    resolveChoices(architecture);
    checkMemory(folder, architecture);

    preparing("loading the model");
    const std::string weightsHash = files::weightsHash(folder);
    if (!spec_.modelHash.empty() && spec_.modelHash != weightsHash) {
        throw Error(folder.folder.string() +
                    ": its weights have changed since the model was added; put the old files back, or add the folder "
                    "as a model again and start a new run");
    }
    model::Transformer start = loadModel(folder);
    chooseLibraries(start);

    ReferenceLogProbs trainReference;
    if (method_.hasReference) {
        const ReferenceIdentity identity{weightsHash, files::tokenizerHash(folder.tokenizer), spec_.dtype, maxLength_,
                                         spec_.hyperparameters.lengthAlpha};
        trainReference = reference(start, train_, identity, "training");
        evalReference_ = reference(start, eval_, identity, "evaluation");
    }
    layAdapter(start);
    makeTrainer(std::move(start), std::move(trainReference), resume);
    rehearse();
    samples_.emplace(run_, spec_, *conversations_, maxLength_, eval_.examples.empty() ? trainer_->train() : eval_);
    if (resume) {
        samples_->dropAfter(evaluationIsDue() ? state_.step - 1 : state_.step);
    }
    stopIfAsked();
}

model::Transformer TrainingRun::loadModel(const files::ModelFolder& folder) const {
    // Weights under an adapter are never written to.
    const bool frozen = folder.adapter || spec_.hyperparameters.loraRank > 0;
    const Precision precision = precisionNamed(spec_.dtype);
    auto loaded = model::Transformer::load(folder, deviceNamed(spec_.device), precision.weights,
                                           frozen ? model::WeightStorage::Mapped : model::WeightStorage::Owned);
    loaded.setProductType(precision.products);
    loaded.setProductLibraries(libraries_);
    return loaded;
}

/// The policy begins as the reference, so that its log-probabilities are those of the model without a fresh adapter.
void TrainingRun::layAdapter(model::Transformer& start) const {
    const contract::Hyperparameters& h = spec_.hyperparameters;
    if (h.loraRank > 0 && start.adapter() == nullptr) {
        const auto name = spec_.model.is_absolute() ? model::BaseName::Absolute : model::BaseName::Relative;
        start.addAdapter(loraSettings(h), spec_.seed, name, run_.spec().string() + ": lora_target_modules");
    }
    if (start.adapter() != nullptr) {
        start.adapter()->setDropout(h.loraDropout);
    }
}

/// Chooses what run.json leaves open and writes it there, once.
void TrainingRun::resolveChoices(const model::Architecture& architecture) {
    const contract::Hyperparameters& h = spec_.hyperparameters;
    const DataOrder order(train_.examples.size(), {h.batchSize, h.gradientAccumulation, h.shuffle, spec_.seed});
    const files::OrderedJson before = spec_.resolved;
    resolved_ = resolve(spec_, architecture, plannedSteps(h, order.stepsPerEpoch()));
    keepChoices(before);
    at::set_num_threads(static_cast<int>(resolved_.threads));
}

void TrainingRun::keepChoices(const files::OrderedJson& before) {
    if (spec_.resolved != before) {
        files::writeDurably(run_.spec(), contract::toJson(spec_).dump(2) + "\n");
    }
}

void TrainingRun::chooseLibraries(model::Transformer& start) {
    const files::OrderedJson before = spec_.resolved;
    libraries_ = resolveLibraries(spec_, start);
    keepChoices(before);
    start.setProductLibraries(libraries_);
}

/// A run that cannot fit ends here, not when the machine has had enough of it.
void TrainingRun::checkMemory(const files::ModelFolder& folder, const model::Architecture& architecture) {
    if (deviceNamed(spec_.device).is_cpu()) {
        const MemoryShape shape{spec_, architecture, resolved_.tokenBudget, train_, adapterSize(folder)};
        requireMemory(shape, files::availableMemory());
        log_.say("memory: about " + gigabytes(estimateMemory(shape).total()) + " needed");
    }
}

void TrainingRun::rehearse() {
    preparing("trying the longest batch");
    trainer_->rehearse();
    log_.say("memory: " + gigabytes(peakMemoryBytes()) + " taken by the longest batch");
}

/// Starts from the model given, or goes on from the newest whole checkpoint.
void TrainingRun::makeTrainer(model::Transformer start, ReferenceLogProbs reference, bool resume) {
    const Trainer::Settings settings{method_, spec_.hyperparameters, spec_.seed, resolved_.tokenBudget};
    const std::optional<FoundCheckpoint> from =
        resume
            ? newestCheckpoint(run_, [this](const std::string& defect) { log_.say("damaged checkpoint: " + defect); })
            : std::nullopt;
    if (from && start.adapter() != nullptr) {
        start.adapter()->read(files::openAdapterFolder(from->folder));
    } else if (from) {
        start = loadModel(files::openModelFolder(from->folder));
    }
    trainer_.emplace(std::move(start), std::move(train_), std::move(reference), settings);
    if (!resume) {
        return;
    }
    // Without a checkpoint the run begins anew, and so does its record: readers drop what is past this step.
    std::int64_t fromStep = -1;
    if (from) {
        trainer_->resume(optimizerFile(from->folder), from->state.step);
        state_ = from->state;
        fromStep = state_.step;
        log_.say("resuming from " + from->folder.string());
    } else {
        log_.say("no whole checkpoint: beginning anew");
    }
    metrics_->append(files::toLine(files::OrderedJson{{"event", "resumed"}, {"from_step", fromStep}, {"time", now()}}));
}

void TrainingRun::loadData(const files::ModelFolder& folder) {
    conversations_.emplace(text::Conversations::load(folder.tokenizer, text::Tokenizer::load(folder.tokenizer)));
    RunData data = loadRunData(run_, spec_, folder, *conversations_);
    requireData(run_, data);
    for (const std::string& line : describe(data)) {
        log_.say(line);
    }
    maxLength_ = data.maxLength;
    train_ = std::move(data.train);
    eval_ = std::move(data.eval);
}

ReferenceLogProbs TrainingRun::reference(const model::Transformer& model, const Dataset& dataset,
                                         const ReferenceIdentity& identity, const char* what) {
    const std::string message = std::string("scoring the ") + what + " pairs with the reference";
    bool said = false;
    return referenceLogProbs(model, dataset, {identity, referenceFolder(run_), resolved_.tokenBudget},
                             [&](std::int64_t done, std::int64_t all) {
                                 if (!std::exchange(said, true)) {
                                     preparing(message);
                                 }
                                 stopIfAsked();
                                 status_.note([&](RunStatus& status) {
                                     status.message =
                                         message + ": " + std::to_string(done) + " of " + std::to_string(all);
                                 });
                             });
}

RunState TrainingRun::train() {
    const std::int64_t totalSteps = trainer_->totalSteps();
    requireFreeSpace(run_.path, bytesToWrite(run_, *trainer_, spec_.hyperparameters.checkpointEvery) + kSlackBytes,
                     "checkpoints and the final model");
    status_.publish([&](RunStatus& status) {
        status.state = RunState::Running;
        status.message.clear();
        status.step = trainer_->stepsDone();
        status.totalSteps = totalSteps;
    });
    try {
        takeSteps();
    } catch (const Stopping&) {
        checkpoint();
        return RunState::Stopped;
    }
    return RunState::Finished;
}

/// Steps with the evaluations and checkpoints between them, to the end or until it throws Stopping.
void TrainingRun::takeSteps() {
    const std::int64_t totalSteps = trainer_->totalSteps(), saveEvery = spec_.hyperparameters.checkpointEvery;
    if (evaluationIsDue()) {
        evaluateNow();
        if (trainer_->stepsDone() > 0) {
            checkpoint();  // the one that it goes on from does not know of this evaluation
        }
    }
    while (trainer_->stepsDone() < totalSteps) {
        if (!obeyRequests()) {
            throw Stopping{};
        }
        const auto start = std::chrono::steady_clock::now();
        const StepReport report = trainer_->step();
        record(report, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
        countSkipped(report);

        const bool last = report.step == totalSteps;
        if (last || report.step % resolved_.evalEvery == 0) {
            evaluateNow();
        }
        if (last || (saveEvery > 0 && report.step % saveEvery == 0)) {
            checkpoint();
        }
    }
}

void TrainingRun::record(const StepReport& report, double seconds) {
    metrics_->append(files::toLine(contract::toJson(recordOf(report, trainer_->epochsDone(), seconds))));

    constexpr double kSmoothing = 0.1;
    secondsPerStep_ = secondsPerStep_ == 0 ? seconds : (1 - kSmoothing) * secondsPerStep_ + kSmoothing * seconds;
    status_.note([&](RunStatus& status) {
        status.step = report.step;
        status.stepsPerSecond = 1 / secondsPerStep_;
        status.etaSeconds = static_cast<double>(trainer_->totalSteps() - report.step) * secondsPerStep_;
    });
}

void TrainingRun::countSkipped(const StepReport& report) {
    if (!report.skipped) {
        state_.skippedInARow = 0;
        state_.lastFinite = "step " + std::to_string(report.step) + " with loss " + formatted("%.4g", report.loss);
        return;
    }
    ++state_.skippedInARow;
    const std::string seen =
        "loss " + formatted("%g", report.loss) + ", gradient norm " + formatted("%g", report.gradientNorm);
    log_.say("step " + std::to_string(report.step) + " skipped: " + seen);
    if (state_.skippedInARow > kSkippedInARowAllowed) {
        throw Error("step " + std::to_string(report.step) + ": " + seen + ", the " +
                    std::to_string(state_.skippedInARow) +
                    "th step in a row that is not finite; last finite: " + state_.lastFinite +
                    "; try a learning rate below " + formatted("%g", spec_.hyperparameters.learningRate));
    }
}

/// Whether the run stands where an evaluation belongs that its record does not have: at its beginning, or after it was
/// stopped in the middle of one.
bool TrainingRun::evaluationIsDue() const {
    const std::int64_t step = trainer_->stepsDone();
    if (step != trainer_->totalSteps() && step % resolved_.evalEvery != 0) {
        return false;
    }
    if (eval_.examples.empty()) {
        return !samples_->has(step);
    }
    return !hasEvaluation(run_, step);
}

/// What takes time, and can be stopped, comes first: the record has all of an evaluation or nothing. Its line in
/// metrics.jsonl is the last.
void TrainingRun::evaluateNow() {
    const std::int64_t step = trainer_->stepsDone();
    Evaluation evaluation;
    if (!eval_.examples.empty()) {
        evaluation = evaluate(trainer_->policy(), eval_, evalReference_, method_, trainer_->lossSettings(),
                              resolved_.tokenBudget, spec_.hyperparameters.lengthAlpha,
                              [this](std::int64_t, std::int64_t) { stopIfAsked(); });
    }
    samples_->write(samplesNow(step));
    if (!eval_.examples.empty()) {
        recordEvaluation(evaluation, step);
    }
}

std::vector<std::string> TrainingRun::samplesNow(std::int64_t step) {
    std::vector<std::string> samples;
    try {
        samples = samples_->answer(trainer_->policy(), step, [this] { return !stop_; });
    } catch (const std::exception& error) {
        // A policy whose logits are not finite cannot be sampled from; what becomes of the run is for the steps to say.
        log_.say("step " + std::to_string(step) + ": no samples: " + error.what());
    }
    stopIfAsked();
    return samples;
}

void TrainingRun::recordEvaluation(const Evaluation& evaluation, std::int64_t step) {
    if (evaluation.pairs.size() > 0) {
        char name[32];
        std::snprintf(name, sizeof name, "step-%06lld.jsonl", static_cast<long long>(step));
        writeMargins(run_.margins() / name, eval_, evaluation.pairs);
    }
    metrics_->append(files::toLine(contract::toJson(recordOf(evaluation, step, eval_))));
    state_.evalLoss = evaluation.values.at("loss");
    log_.say("step " + std::to_string(step) + ": evaluation loss " + formatted("%.4f", *state_.evalLoss));
}

void TrainingRun::checkpoint() {
    metrics_->sync();
    state_.step = trainer_->stepsDone();
    const std::filesystem::path folder = writeCheckpoint(run_, *trainer_, state_);
    log_.say("checkpoint " + folder.filename().string());
}

/// Does what was asked since the last step, waiting here while the run is paused. False when it is to stop.
bool TrainingRun::obeyRequests() {
    bool stop = false, paused = false;
    do {
        for (const contract::Request& request : contract::pendingRequests(run_, status_.status().lastRequest)) {
            log_.say(std::string("request: ") + contract::toString(request.kind));
            switch (request.kind) {
                case contract::RequestKind::Pause:
                    paused = true;
                    break;
                case contract::RequestKind::Resume:
                    paused = false;
                    break;
                case contract::RequestKind::Checkpoint:
                    checkpoint();
                    break;
                case contract::RequestKind::Stop:
                    stop = true;
                    break;
            }
            status_.publish([&](RunStatus& status) {
                status.lastRequest = request.number;
                status.state = paused ? RunState::Paused : RunState::Running;
            });
        }
        stop = stop || stop_;
        if (paused && !stop) {
            std::this_thread::sleep_for(std::chrono::milliseconds(50));
        }
    } while (paused && !stop);
    return !stop;
}

void TrainingRun::finish() {
    writeFolderDurably(run_.finalModel(),
                       [this](const std::filesystem::path& folder) { trainer_->policy().save(folder); });
    metrics_->sync();
}

/// A run that was told things while nobody ran it: going on answers them.
std::int64_t newestRequest(const contract::RunDirectory& run) {
    const std::vector<contract::Request> requests = contract::pendingRequests(run, 0);
    return requests.empty() ? 0 : requests.back().number;
}

}  // namespace

RunState runTraining(const contract::RunDirectory& run, bool resume, const std::atomic<bool>& stop) {
    if (!std::filesystem::exists(run.spec())) {
        throw Error(run.path.string() + ": not a run directory: there is no run.json in it");
    }
    const std::optional<contract::RunLock> lock = contract::RunLock::tryAcquire(run);
    const RunStatus before = contract::readWrittenStatus(run);
    if (!lock) {
        throw Error(run.path.string() + ": " + describeHolder(before) + " holds this run; one process at a time");
    }
    if (before.state == RunState::Finished) {
        throw Error(run.path.string() + ": this run is finished; make a new one to train on");
    }
    if (!resume && before.state != RunState::Queued) {
        throw Error(run.path.string() + ": this run has begun (" + contract::toString(before.state) +
                    "); go on with --resume");
    }
    for (const auto& folder : {run.requests(), run.checkpoints(), run.margins()}) {
        std::filesystem::create_directories(folder);
    }
    for (const auto& folder : {run.path, run.checkpoints(), run.margins()}) {
        removeLeftovers(folder);
    }
    RunStatus status;
    status.state = RunState::Preparing;
    status.step = before.step;
    status.totalSteps = before.totalSteps;
    status.lastRequest = resume ? std::max(before.lastRequest, newestRequest(run)) : before.lastRequest;
    return TrainingRun(run, status, stop).carryOut(resume);
}

}  // namespace prefbench::training
