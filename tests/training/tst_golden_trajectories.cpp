#include <QObject>
#include <QTemporaryDir>
#include <QTest>
#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
#include <string>

#include "core/contract/run_spec.h"
#include "core/files/durable_file.h"
#include "core/files/json.h"
#include "core/files/json_lines.h"
#include "core/files/model_folder.h"
#include "core/model/families.h"
#include "core/model/weights.h"
#include "core/training/scoring.h"
#include "core/training/trainer.h"
#include "tests/support/golden_cases.h"

using namespace prefbench;
using files::Json;
using training::Dataset;
using training::Example;
using training::StepReport;
using training::Trainer;

/// TRL's own runs, step by step, by the trainer that prefbench-engine uses.
class TestGoldenTrajectories : public QObject {
    Q_OBJECT
  private Q_SLOTS:
    void initTestCase();
    void trajectories_data();
    void trajectories();
    void whatMustRun();

  private:
    std::set<std::string> run_;
};

namespace {

struct Trajectory {
    std::filesystem::path folder;
    Json expected;
    files::ModelFolder model;
    training::Method method;
    contract::Hyperparameters hyperparameters;
};

/// Arguments that we read, and those that change nothing in the numbers.
const std::set<std::string>& knownArguments() {
    static const std::set<std::string> names = {"per_device_train_batch_size",
                                                "gradient_accumulation_steps",
                                                "learning_rate",
                                                "lr_scheduler_type",
                                                "warmup_steps",
                                                "max_grad_norm",
                                                "max_steps",
                                                "logging_steps",
                                                "logging_first_step",
                                                "save_strategy",
                                                "report_to",
                                                "bf16",
                                                "fp16",
                                                "use_cpu",
                                                "gradient_checkpointing",
                                                "train_sampling_strategy",
                                                "seed",
                                                "weight_decay",
                                                "optim",
                                                "adam_beta1",
                                                "adam_beta2",
                                                "adam_epsilon",
                                                "dataloader_num_workers",
                                                "disable_tqdm",
                                                "max_length",
                                                "beta",
                                                "loss_type",
                                                "label_smoothing",
                                                "precompute_ref_log_probs",
                                                "precompute_ref_batch_size",
                                                "f_divergence_type",
                                                "f_alpha_divergence_coef",
                                                "ld_alpha",
                                                "discopop_tau"};
    return names;
}

bool isLora(const Json& expected) {
    return expected.contains("lora") && !expected.at("lora").is_null();
}

/// A run of the original DPO code's loop, in which everything is said by "settings".
bool isOriginal(const Json& expected) {
    return expected.at("kind") == "original-reference-loop";
}

/// The name of our method; empty where TRL adds up several losses.
std::string methodOf(const Json& expected) {
    if (isOriginal(expected)) {
        const Json& settings = expected.at("settings");
        const bool ipo = settings.at("loss") == "ipo";
        return ipo ? "ipo_sum" : settings.value("reference_free", false) ? "reference_free" : "cdpo";
    }
    if (expected.at("kind") != "dpo") {
        return expected.at("kind");
    }
    Json loss = expected.at("effective_defaults").value("loss_type", Json("sigmoid"));
    if (loss.is_array()) {
        loss = loss.size() == 1 ? loss[0] : Json("");
    }
    return loss == "sigmoid" || loss.is_null() ? "dpo" : loss == "sft" ? "preferred_ft" : loss.get<std::string>();
}

/// Why this version does not do the case; nullopt when it does.
std::optional<std::string> reasonToSkip(const Json& expected) {
    const auto& known = contract::methodNames();
    if (const std::string method = methodOf(expected); std::find(known.begin(), known.end(), method) == known.end()) {
        return "a method \"" + method + "\" is not there";
    }
    if (isOriginal(expected)) {
        return std::nullopt;
    }
    const Json& args = expected.at("args");
    if (args.at("optim") != "adamw_torch" && args.at("optim") != "rmsprop") {
        return "optimizer " + args.at("optim").get<std::string>() + " is not there yet";
    }
    for (const auto& [key, value] : args.items()) {
        if (!knownArguments().contains(key)) {
            return "argument " + key + " is not there yet";
        }
    }
    return std::nullopt;
}

contract::Hyperparameters hyperparametersOfOriginal(const Json& settings) {
    contract::Hyperparameters h;
    h.beta = settings.at("beta");
    h.labelSmoothing = settings.at("label_smoothing");
    h.learningRate = settings.at("lr");
    h.schedule = "constant_original";
    h.warmupSteps = settings.at("warmup_steps");
    h.gradientAccumulation = settings.at("gradient_accumulation_steps");
    h.batchSize = settings.at("batch_size").get<std::int64_t>() / h.gradientAccumulation;
    h.maxSteps = settings.at("steps");
    h.maxGradNorm = settings.at("max_grad_norm");
    h.optimizer = "rmsprop";
    h.maxLength = 0;  // "tokenised" is cut already
    h.shuffle = false;
    return h;
}

contract::Hyperparameters hyperparametersOf(const Json& expected) {
    if (isOriginal(expected)) {
        return hyperparametersOfOriginal(expected.at("settings"));
    }
    const Json& args = expected.at("args");
    const Json& defaults = expected.at("effective_defaults");
    const std::string schedule = args.at("lr_scheduler_type");
    contract::Hyperparameters h;
    h.beta = defaults.at("beta").is_null() ? h.beta : defaults.at("beta").get<double>();
    h.labelSmoothing = args.value("label_smoothing", 0.0);
    h.optimizer = args.at("optim") == "rmsprop" ? "rmsprop" : "adamw";
    h.learningRate = args.at("learning_rate");
    h.schedule = schedule == "constant_with_warmup" ? "constant" : schedule;
    h.warmupSteps = schedule == "constant" ? 0 : args.at("warmup_steps").get<std::int64_t>();
    h.batchSize = args.at("per_device_train_batch_size");
    h.gradientAccumulation = args.at("gradient_accumulation_steps");
    h.maxSteps = args.at("max_steps");
    h.maxGradNorm = args.at("max_grad_norm");
    h.weightDecay = args.at("weight_decay");
    h.adamBeta1 = args.at("adam_beta1");
    h.adamBeta2 = args.at("adam_beta2");
    h.adamEpsilon = args.at("adam_epsilon");
    h.maxLength = defaults.at("max_length").is_null() ? 0 : defaults.at("max_length").get<std::int64_t>();
    h.divergence = args.value("f_divergence_type", h.divergence);
    h.divergenceAlpha = args.value("f_alpha_divergence_coef", h.divergenceAlpha);
    h.lengthAlpha = args.value("ld_alpha", h.lengthAlpha);
    h.discopopTau = args.value("discopop_tau", h.discopopTau);
    h.shuffle = false;
    return h;
}

Example demonstrationOf(const Json& row) {
    const std::vector<text::TokenId> ids = row.at("input_ids"), labels = row.at("labels");
    Example example;
    example.completions.emplace_back();
    for (std::size_t i = 0; i < ids.size(); ++i) {
        (labels[i] == -100 ? example.prompt : example.completions[0]).push_back(ids[i]);
    }
    return example;
}

void keep(Dataset& dataset, Example example, std::int64_t maxLength) {
    bool cut = false;
    if (training::truncateExample(example, maxLength, cut)) {
        dataset.examples.push_back(std::move(example));
    }
}

/// What TRL trained on; `maxLength` applied as it applies it.
Dataset tokenised(const Json& expected, std::int64_t maxLength) {
    Dataset dataset;
    for (const Json& row : expected.at("tokenised")) {
        Example example;
        if (row.contains("prompt_ids")) {
            example.prompt = row.at("prompt_ids").get<std::vector<text::TokenId>>();
            example.completions = {row.at("chosen_ids"), row.at("rejected_ids")};
        } else {
            example = demonstrationOf(row);
        }
        keep(dataset, std::move(example), maxLength);
    }
    return dataset;
}

/// The folder for what reads text: the model's, or a copy of its tokenizer with the template that the run was given.
std::filesystem::path tokenizerFolder(const Trajectory& trajectory, const QTemporaryDir& scratch) {
    const Json given = trajectory.expected.value("chat_template", Json());
    if (!given.is_string()) {
        return trajectory.model.folder;
    }
    const std::filesystem::path folder = scratch.path().toStdString();
    for (const std::filesystem::path& file : files::companionFiles(trajectory.model.folder)) {
        std::filesystem::copy(file, folder, std::filesystem::copy_options::overwrite_existing);
    }
    files::writeAtomically(folder / "chat_template.jinja", given.get<std::string>());
    return folder;
}

/// A row of the golden data as a line of dataset/.
std::string datasetLine(const files::OrderedJson& row, std::int64_t number, bool pairs) {
    files::OrderedJson line = {{"pair", std::to_string(number)}, {"prompt", row.at("prompt")}};
    if (pairs) {
        line["chosen"] = row.at("chosen");
        line["rejected"] = row.at("rejected");
    } else {
        line["completion"] = row.contains("completion") ? row.at("completion") : row.at("chosen");
    }
    return files::toLine(line) + "\n";
}

/// The same from the text, as a run reads it.
Dataset fromText(const Trajectory& trajectory) {
    const QTemporaryDir scratch;
    const std::filesystem::path folder = tokenizerFolder(trajectory, scratch);
    const bool pairs = trajectory.method.data == training::DataKind::Pairs;
    std::string lines;
    files::readJsonLinesFile(
        trajectory.folder / trajectory.expected.value("data", "data.jsonl"),
        [&](std::int64_t number, const files::OrderedJson& row) { lines += datasetLine(row, number, pairs); },
        [](const files::BadLine& bad) { qWarning("%s", bad.reason.c_str()); });
    const std::filesystem::path file = std::filesystem::path(scratch.path().toStdString()) / "train.jsonl";
    files::writeAtomically(file, lines);
    return training::loadDataset(file, trajectory.method.data,
                                 text::Conversations::load(folder, text::Tokenizer::load(folder)),
                                 trajectory.hyperparameters.maxLength);
}

bool sameIds(const Dataset& a, const Dataset& b) {
    return std::equal(
        a.examples.begin(), a.examples.end(), b.examples.begin(), b.examples.end(),
        [](const Example& x, const Example& y) { return x.prompt == y.prompt && x.completions == y.completions; });
}

struct Tolerance {
    const char* name;
    double absolute;
    bool ofRewards = false;  ///< rounding noise while the policy is the reference
};
constexpr Tolerance kTolerances[] = {{"loss", 1e-4},
                                     {"logps/chosen", 5e-3},
                                     {"logps/rejected", 5e-3},
                                     {"rewards/chosen", 1e-3, true},
                                     {"rewards/rejected", 1e-3, true},
                                     {"rewards/margins", 1e-3, true},
                                     {"rewards/accuracies", 1e-6, true}};

QString compareStep(const StepReport& report, const Json& expected, bool policyIsReference) {
    training::MetricValues found = report.pairMetrics;
    found["loss"] = report.loss;
    for (const Tolerance& tolerance : kTolerances) {
        if (!expected.contains(tolerance.name) || (tolerance.ofRewards && policyIsReference)) {
            continue;
        }
        const double difference = std::abs(found.at(tolerance.name) - expected.at(tolerance.name).get<double>());
        if (!(difference <= tolerance.absolute)) {
            return QStringLiteral("%1 off by %2").arg(QLatin1String(tolerance.name)).arg(difference);
        }
    }
    const double norm = expected.at("grad_norm");
    if (!(std::abs(report.gradientNorm - norm) <= 1e-3 * norm)) {
        return QStringLiteral("grad_norm %1, expected %2").arg(report.gradientNorm).arg(norm);
    }
    const Json& rate =
        expected.contains("learning_rate") ? expected.at("learning_rate") : expected.at("learning_rate_applied");
    if (report.learningRate != rate.get<double>()) {
        return QStringLiteral("learning_rate %1").arg(report.learningRate, 0, 'g', 17);
    }
    return {};
}

QString compareElements(const at::Tensor& after, const Json& expected, double tolerance) {
    const at::Tensor flat = after.flatten();
    const std::vector<double> first = expected.at("first16"), last = expected.at("last4");
    const auto compare = [&](std::int64_t place, double value) {
        const double difference = std::abs(flat[place].item<double>() - value);
        return difference <= tolerance ? QString() : QStringLiteral("element %1 off by %2").arg(place).arg(difference);
    };
    QString found;
    for (std::size_t i = 0; i < first.size() && found.isEmpty(); ++i) {
        found = compare(static_cast<std::int64_t>(i), first[i]);
    }
    for (std::size_t i = 0; i < last.size() && found.isEmpty(); ++i) {
        found = compare(flat.numel() - static_cast<std::int64_t>(last.size() - i), last[i]);
    }
    return found;
}

struct WeightTolerance {
    double l2;              ///< relative
    double change;          ///< relative
    double sum;             ///< absolute
    double element = 1e-5;  ///< absolute
};

/// A bias of the keys shifts all scores of a query alike, which softmax does not see: its gradient is 0, and Adam makes
/// steps of what rounding leaves of it, up to a fifth of `rate`, the sum of the learning rates. Some families keep it
/// in one tensor with the biases of queries and values.
WeightTolerance toleranceFor(const std::string& name, const Json& expected, double rate) {
    if (name.ends_with("k_proj.bias")) {
        // Turned by its position, it does shift scores; only its slowest pairs hardly turn.
        const double keys = expected.at("shape").at(0).get<double>();
        return {1e-5, 1e-3, rate / 100 * std::sqrt(keys), rate / 100};
    }
    if (name.ends_with("attn.c_attn.bias") || name.ends_with("query_key_value.bias")) {
        const double keys = expected.at("shape").at(0).get<double>() / 3;
        return {1e-3, 1e-2, rate / 5 * std::sqrt(keys)};
    }
    return {1e-5, 1e-3, 1e-3 * expected.at("l2_of_change").get<double>() + 1e-6 * expected.at("l2").get<double>()};
}

QString compareWeights(const model::Parameter& parameter, const at::Tensor& before, const Json& expected, double rate) {
    const at::Tensor after = parameter.value.detach().to(at::kDouble);
    const WeightTolerance tolerance = toleranceFor(parameter.name, expected, rate);
    const double l2 = after.norm().item<double>(), expectedL2 = expected.at("l2");
    const double change = (after - before.to(at::kDouble)).norm().item<double>();
    const double expectedChange = expected.at("l2_of_change");
    const double sum = after.sum().item<double>(), expectedSum = expected.at("sum");
    if (!(std::abs(l2 - expectedL2) <= tolerance.l2 * expectedL2)) {
        return QStringLiteral("l2 %1, expected %2").arg(l2).arg(expectedL2);
    }
    if (!(std::abs(change - expectedChange) <= tolerance.change * expectedChange)) {
        return QStringLiteral("l2 of change %1, expected %2").arg(change).arg(expectedChange);
    }
    if (!(std::abs(sum - expectedSum) <= tolerance.sum)) {
        return QStringLiteral("sum %1, expected %2").arg(sum).arg(expectedSum);
    }
    return compareElements(after, expected, tolerance.element);
}

/// transformers 5 has a name of its own for GPT-NeoX's head, and PEFT for its matrices, which files do not have.
std::string nameInPeer(const std::string& name) {
    std::string peer = name == "embed_out.weight" ? "lm_head.weight" : name;
    const std::string matrix = ".weight";
    if (peer.find(".lora_") != std::string::npos) {
        peer.replace(peer.size() - matrix.size(), matrix.size(), ".default" + matrix);
    }
    return peer;
}

const Json& finalWeights(const Json& expected, const std::string& name) {
    return expected.at("final_weights").at(nameInPeer(name));
}

std::set<std::string> decaying(const std::vector<model::Parameter>& parameters) {
    std::set<std::string> names;
    for (const model::Parameter& parameter : parameters) {
        if (parameter.decays) {
            names.insert(nameInPeer(parameter.name));
        }
    }
    return names;
}

/// Every element of what PEFT saved, by the norm of what training changed.
void checkFinalAdapter(const Trajectory& trajectory, const std::vector<model::Parameter>& parameters,
                       const std::vector<at::Tensor>& before, GoldenCases& cases) {
    const auto file = files::SafetensorsFile::open(trajectory.folder / "adapter_final" / "adapter_model.safetensors");
    cases.check(file.tensors().size() == parameters.size(), QStringLiteral("adapter_final: number of tensors"));
    for (std::size_t i = 0; i < parameters.size(); ++i) {
        const files::TensorInfo* info = file.find(parameters[i].name);
        if (info == nullptr) {
            cases.check(false, QString::fromStdString(parameters[i].name), QStringLiteral("not in adapter_final"));
            continue;
        }
        const at::Tensor expected = model::readTensor(file, *info, parameters[i].value.sizes().vec(), "", at::kDouble,
                                                      model::WeightStorage::Owned);
        const double off = (parameters[i].value.detach() - expected).norm().item<double>();
        const double change = (expected - before[i]).norm().item<double>();
        cases.check(off <= 1e-3 * change, QString::fromStdString("adapter_final: " + parameters[i].name),
                    QStringLiteral("off by %1 of a change of %2").arg(off).arg(change));
    }
}

void checkRun(const Trajectory& trajectory, GoldenCases& cases) {
    const Json& expected = trajectory.expected;
    const Dataset data = tokenised(expected, trajectory.hyperparameters.maxLength);
    if (!isOriginal(expected)) {  // which tokenises prompt and completion apart
        cases.check(sameIds(data, fromText(trajectory)), QStringLiteral("ids from data.jsonl"));
    }

    model::Transformer policy = model::Transformer::load(trajectory.model, at::kCPU, at::kFloat);
    std::vector<at::Tensor> before;
    for (const model::Parameter& parameter : policy.trainable()) {
        before.push_back(parameter.value.detach().clone());
    }
    constexpr std::int64_t kTokenBudget = 256;  // several parts a step
    training::ReferenceLogProbs reference;
    if (trajectory.method.data == training::DataKind::Pairs) {
        reference = training::scoreDataset(policy, data, kTokenBudget, trajectory.hyperparameters.lengthAlpha);
    }
    Trainer trainer(std::move(policy), data, std::move(reference),
                    {trajectory.method, trajectory.hyperparameters, 0, kTokenBudget});

    bool policyIsReference = true;
    double rate = 0;
    for (const Json& step : expected.at("steps")) {
        const StepReport report = trainer.step();
        const QString difference = compareStep(report, step, policyIsReference);
        cases.check(difference.isEmpty(), QStringLiteral("step %1").arg(report.step), difference);
        // RMSprop's first steps are ten times as large: its mean begins at 0 and is not corrected for that.
        rate += (trajectory.hyperparameters.optimizer == "rmsprop" ? 10 : 1) * report.learningRate;
        policyIsReference = policyIsReference && report.learningRate == 0;
    }
    const std::vector<model::Parameter>& parameters = trainer.policy().trainable();
    for (std::size_t i = 0; i < parameters.size(); ++i) {
        const std::string& name = parameters[i].name;
        const QString difference = compareWeights(parameters[i], before[i], finalWeights(expected, name), rate);
        cases.check(difference.isEmpty(), QString::fromStdString(name), difference);
    }
    if (isLora(expected)) {
        checkFinalAdapter(trajectory, parameters, before, cases);
    }
    if (expected.contains("weight_decay_applies_to")) {
        const auto expectedDecay = expected.at("weight_decay_applies_to").get<std::set<std::string>>();
        cases.check(decaying(parameters) == expectedDecay, QStringLiteral("weight_decay_applies_to"));
    }
}

}  // namespace

void TestGoldenTrajectories::initTestCase() {
    at::set_num_threads(1);
}

void TestGoldenTrajectories::trajectories_data() {
    QTest::addColumn<QString>("folder");
    for (const QString& folder : GoldenCases::folders(QStringLiteral("trajectories"))) {
        QTest::newRow(qPrintable(QDir(folder).dirName())) << folder;
    }
}

void TestGoldenTrajectories::trajectories() {
    QFETCH(QString, folder);
    const QString name = QDir(folder).dirName();
    GoldenCases cases(name);
    Trajectory trajectory;
    trajectory.folder = folder.toStdString();
    trajectory.expected = files::readJsonFile(trajectory.folder / "expected.json");
    const std::filesystem::path modelPath =
        (trajectory.folder / trajectory.expected.at("model").get<std::string>()).lexically_normal();
    if (const auto reason = reasonToSkip(trajectory.expected)) {
        cases.skip(name, QString::fromStdString(*reason));
        cases.finish();
        QSKIP(reason->c_str());
    }
    cases.guard(QStringLiteral("run"), [&] {
        // The base that an adapter was saved with need not be here under that name.
        const bool lora = isLora(trajectory.expected);
        trajectory.model = lora ? files::openModelFolder(trajectory.folder / "adapter_initial", modelPath)
                                : files::openModelFolder(modelPath);
        trajectory.method = training::methodNamed(methodOf(trajectory.expected));
        trajectory.hyperparameters = hyperparametersOf(trajectory.expected);
        checkRun(trajectory, cases);
    });
    run_.insert(name.toStdString());
    QVERIFY(cases.finish());
}

void TestGoldenTrajectories::whatMustRun() {
    if (qEnvironmentVariableIsSet("PREFBENCH_GOLDEN")) {
        QSKIP("another set of golden files decides what is in it");
    }
    for (const char* name : {"dpo-gpt2", "dpo-gpt2-accum2", "dpo-gpt2-ragged", "dpo-llama", "dpo-llama-accum2",
                             "dpo-llama-truncate", "dpo-llama-weight-decay", "sft-gpt2-accum2", "sft-llama",
                             "dpo-gpt2-rmsprop", "dpo-gpt_neox", "dpo-gpt_neox-precompute", "dpo-qwen2-conversational",
                             "ipo-llama", "dpo-llama-lora", "original-gpt2", "original-llama-cdpo-accum2"}) {
        QVERIFY2(run_.contains(name), name);
    }
}

QTEST_APPLESS_MAIN(TestGoldenTrajectories)
#include "tst_golden_trajectories.moc"
