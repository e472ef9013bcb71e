#include "ui/methods/run_settings.h"

#include "core/contract/run_spec.h"
#include "ui/methods/method_choices.h"

namespace prefbench::methods {
namespace {

using Kind = RunSetting::Kind;
using Group = RunSetting::Group;

QString key(const char* name) {
    return QString::fromLatin1(name);
}

QList<RunSetting> ofTheLoss() {
    const RunSetting::Condition alpha = {key("f_divergence_type"), key("alpha_divergence")};
    return {
        {key("beta"), RunSetting::tr("&Beta"), {}, Group::Loss},  // its help is the method's
        {key("label_smoothing"), RunSetting::tr("Label smoothin&g"),
         RunSetting::tr("share of the labels taken to be wrong, 0 to below 0.5"), Group::Loss},
        {key("simpo_gamma"), RunSetting::tr("Lea&d wanted"), RunSetting::tr("by which the preferred answer should win"),
         Group::Loss},
        {key("strength_gamma"), RunSetting::tr("Lead wanted"),
         RunSetting::tr("for each degree by which the answer is better, 1 to 3"), Group::Loss},
        {key("discopop_tau"), RunSetting::tr("Temperature"),
         RunSetting::tr("width of the change from logistic to exponential"), Group::Loss},
        {key("cpo_alpha"), RunSetting::tr("Fine-t&uning"),
         RunSetting::tr("weight of learning to write the preferred answers; 0 = off"), Group::Loss},
        {key("desirable_weight"), RunSetting::tr("Preferred weight"),
         RunSetting::tr("how much the preferred answers count"), Group::Loss},
        {key("undesirable_weight"), RunSetting::tr("Other weight"), RunSetting::tr("how much the others count"),
         Group::Loss},
        {key("loss_weights"), RunSetting::tr("Weights"), RunSetting::tr("of DPO, BCO and fine-tuning"), Group::Loss,
         Kind::Text},
        {key("ties"),
         RunSetting::tr("T&ies"),
         RunSetting::tr("soft: half a label for either answer"),
         Group::Loss,
         Kind::Choice,
         {{key("drop"), RunSetting::tr("Left out")}, {key("soft"), RunSetting::tr("Soft labels")}}},
        {key("f_divergence_type"),
         RunSetting::tr("Divergence"),
         RunSetting::tr("what holds the model near its start"),
         Group::FineLoss,
         Kind::Choice,
         {{key("reverse_kl"), RunSetting::tr("Reverse KL")},
          {key("forward_kl"), RunSetting::tr("Forward KL")},
          {key("js_divergence"), RunSetting::tr("Jensen–Shannon")},
          {key("alpha_divergence"), RunSetting::tr("Alpha")}}},
        {key("f_alpha_divergence_coef"),
         RunSetting::tr("Alpha"),
         RunSetting::tr("order of the alpha divergence; 1 is reverse KL"),
         Group::FineLoss,
         Kind::Number,
         {},
         alpha},
        {key("ld_alpha"), RunSetting::tr("Weight of extra length"),
         RunSetting::tr("of tokens past the end of the shorter answer, 0 to 1"), Group::FineLoss},
    };
}

QList<RunSetting> ofWhatIsTrained() {
    const RunSetting::Condition adapter = {kTrained, kAdapter};
    return {
        {kTrained,
         RunSetting::tr("&What is trained"),
         RunSetting::tr("an adapter takes less memory and wants a higher learning rate"),
         Group::Trained,
         Kind::Choice,
         {{key("weights"), RunSetting::tr("All weights")}, {kAdapter, RunSetting::tr("LoRA adapter")}}},
        {key("lora_r"),
         RunSetting::tr("Ran&k"),
         RunSetting::tr("a higher rank can learn more and takes more memory"),
         Group::Trained,
         Kind::Number,
         {},
         adapter},
        {key("lora_alpha"),
         RunSetting::tr("Alpha"),
         RunSetting::tr("the adapter counts alpha / rank"),
         Group::Trained,
         Kind::Number,
         {},
         adapter},
        {key("lora_dropout"),
         RunSetting::tr("Adapter dropout"),
         RunSetting::tr("share of its inputs left out of a step; 0 = off"),
         Group::Trained,
         Kind::Number,
         {},
         adapter},
        {key("lora_target_modules"),
         RunSetting::tr("Layers"),
         RunSetting::tr("all-linear, or names with commas between: q_proj, v_proj"),
         Group::Trained,
         Kind::Text,
         {},
         adapter},
    };
}

QList<RunSetting> ofTheSteps() {
    return {
        {key("learning_rate"), RunSetting::tr("Learning &rate"), RunSetting::tr("size of the steps"), Group::Main},
        {key("num_train_epochs"), RunSetting::tr("&Epochs"), {}, Group::Main},
        {key("batch_size"), RunSetting::tr("B&atch size"), {}, Group::Main},
        {key("gradient_accumulation_steps"), RunSetting::tr("Accumulation"),
         RunSetting::tr("batches in a step: larger steps without more memory"), Group::Steps},
        {key("max_steps"), RunSetting::tr("Last step"),
         RunSetting::tr("ends there, whatever the epochs say; 0 = by epochs"), Group::Steps},
        {key("lr_scheduler_type"),
         RunSetting::tr("Schedule"),
         RunSetting::tr("of the learning rate, after warm-up"),
         Group::Steps,
         Kind::Choice,
         {{key("linear"), RunSetting::tr("Linear to 0")},
          {key("cosine"), RunSetting::tr("Cosine to 0")},
          {key("constant"), RunSetting::tr("Constant")},
          {key("constant_original"), RunSetting::tr("Constant, the original's")}}},
        {key("warmup_steps"), RunSetting::tr("Warm-up"), RunSetting::tr("steps up to the learning rate"), Group::Steps},
        {key("max_grad_norm"), RunSetting::tr("Gradient clipping"), RunSetting::tr("longest gradient; 0 = off"),
         Group::Steps},
    };
}

QList<RunSetting> ofTheOptimizer() {
    const RunSetting::Condition adamw = {key("optim"), key("adamw")};
    return {
        {key("optim"),
         RunSetting::tr("Algorithm"),
         {},
         Group::Optimizer,
         Kind::Choice,
         {{key("adamw"), RunSetting::tr("AdamW")}, {key("rmsprop"), RunSetting::tr("RMSprop")}}},
        {key("weight_decay"), RunSetting::tr("Weight decay"), RunSetting::tr("of matrices; 0 = off"), Group::Optimizer},
        {key("adam_beta1"),
         RunSetting::tr("Beta 1"),
         RunSetting::tr("memory of the mean gradient"),
         Group::Optimizer,
         Kind::Number,
         {},
         adamw},
        {key("adam_beta2"),
         RunSetting::tr("Beta 2"),
         RunSetting::tr("memory of its square"),
         Group::Optimizer,
         Kind::Number,
         {},
         adamw},
        {key("adam_epsilon"),
         RunSetting::tr("Epsilon"),
         RunSetting::tr("added to the square's root"),
         Group::Optimizer,
         Kind::Number,
         {},
         adamw},
    };
}

QList<RunSetting> ofDataAndEvaluation() {
    return {
        {key("max_length"), RunSetting::tr("Longest text"),
         RunSetting::tr("tokens of prompt and answer, the rest is cut off; 0 = no limit"), Group::Data},
        {key("dropout"), RunSetting::tr("Dropout"), RunSetting::tr("share left out of a step in the model; 0 = off"),
         Group::Data},
        {key("shuffle"), RunSetting::tr("Shuffle anew in each epoch"), {}, Group::Data, Kind::Switch},
        {key("seed"), RunSetting::tr("Seed"), RunSetting::tr("the same seed draws the same order"), Group::Data},
        {key("eval_steps"), RunSetting::tr("Evaluate every"), RunSetting::tr("steps; 0 = about ten times a run"),
         Group::Evaluation},
        {key("eval_samples"), RunSetting::tr("Samples"), RunSetting::tr("prompts answered at each evaluation, to read"),
         Group::Evaluation},
        {key("save_steps"), RunSetting::tr("Checkpoint every"), RunSetting::tr("steps; 0 = at the end only"),
         Group::Evaluation},
    };
}

QList<RunSetting> ofTheMachine() {
    return {
        {key("dtype"),
         RunSetting::tr("Precision"),
         RunSetting::tr("bfloat16: products rounded, weights kept whole"),
         Group::Machine,
         Kind::Choice,
         {{key("float32"), RunSetting::tr("float32")},
          {key("bfloat16"), RunSetting::tr("bfloat16 products")},
          {key("float64"), RunSetting::tr("float64, for comparison")}}},
        {key("gradient_checkpointing"),
         RunSetting::tr("Gradient checkpointing: less memory, more time"),
         {},
         Group::Machine,
         Kind::Switch},
        {key("device"),
         RunSetting::tr("Device"),
         {},
         Group::Machine,
         Kind::Choice,
         {{key("auto"), RunSetting::tr("GPU if there is one")},
          {key("cpu"), RunSetting::tr("Processor")},
          {key("cuda"), RunSetting::tr("GPU (CUDA)")}}},
        {key("threads"), RunSetting::tr("Threads"), RunSetting::tr("0 = one for each core"), Group::Machine},
    };
}

/// The contract's defaults, but gentler steps and twice over the pairs, with which small sets of labels train without
/// the text falling apart.
contract::RunSpec startSpec() {
    contract::RunSpec spec;
    spec.hyperparameters.learningRate = 5e-5;
    spec.hyperparameters.epochs = 2;
    spec.hyperparameters.loraRank = 16;  // where an adapter is asked for
    spec.hyperparameters.loraAlpha = 32;
    return spec;
}

}  // namespace

const QList<RunSetting>& RunSetting::all() {
    static const QList<RunSetting> settings =
        ofTheLoss() + ofWhatIsTrained() + ofTheSteps() + ofTheOptimizer() + ofDataAndEvaluation() + ofTheMachine();
    return settings;
}

QString RunSetting::title(Group group) {
    switch (group) {
        case Group::FineLoss:
            return tr("Loss");
        case Group::Steps:
            return tr("Steps");
        case Group::Optimizer:
            return tr("Optimizer");
        case Group::Data:
            return tr("Data");
        case Group::Evaluation:
            return tr("Evaluation and checkpoints");
        case Group::Machine:
            return tr("Machine and memory");
        case Group::Loss:
        case Group::Trained:
        case Group::Main:
            break;
    }
    return {};
}

QString startValue(const QString& key, const MethodChoice& method) {
    if (method.starts.contains(key)) {
        return method.starts.value(key);
    }
    static const files::OrderedJson json = contract::toJson(startSpec());
    const std::string name = key.toStdString();
    const files::OrderedJson& inner = json.at("hyperparameters");
    if (!inner.contains(name) && !json.contains(name)) {
        return {};
    }
    const files::OrderedJson& value = inner.contains(name) ? inner.at(name) : json.at(name);
    if (value.is_number_float()) {
        return QString::number(value.get<double>(), 'g', 10);
    }
    return value.is_string() ? QString::fromStdString(value.get<std::string>())
                             : QString::fromStdString(files::toLine(value));
}

}  // namespace prefbench::methods
