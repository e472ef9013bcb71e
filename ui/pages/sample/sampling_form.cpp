#include "ui/pages/sample/sampling_form.h"

#include <QComboBox>
#include <QDoubleSpinBox>
#include <QFormLayout>
#include <QLabel>
#include <QLocale>
#include <QPlainTextEdit>
#include <QSpinBox>
#include <algorithm>
#include <limits>

#include "ui/pages/model_picker.h"
#include "ui/widgets/disclosure.h"
#include "ui/widgets/theme.h"

namespace prefbench::pages {

using workbench::PairPolicy;
using workbench::SamplingRequest;

namespace {

constexpr int kShownStopLines = 3;

void setUp(QFormLayout* form, const QWidget* widget) {
    form->setContentsMargins(0, 0, 0, 0);
    form->setHorizontalSpacing(widgets::grid(widget, 2));
    form->setVerticalSpacing(widgets::grid(widget, widgets::kSpacing));
    form->setFieldGrowthPolicy(QFormLayout::AllNonFixedFieldsGrow);
}

}  // namespace

std::vector<std::string> stopTexts(const QString& typed) {
    std::vector<std::string> texts;
    for (const QString& line : typed.split(QLatin1Char('\n'), Qt::SkipEmptyParts)) {
        QString text;
        for (qsizetype i = 0; i < line.size(); ++i) {
            const QChar next = i + 1 < line.size() ? line[i + 1] : QChar();
            if (line[i] != u'\\' || (next != u'n' && next != u't' && next != u'\\')) {
                text += line[i];
                continue;
            }
            text += next == u'n' ? QChar(u'\n') : next == u't' ? QChar(u'\t') : next;
            ++i;
        }
        texts.push_back(text.toStdString());
    }
    return texts;
}

SamplingForm::SamplingForm(Workbench& workbench, QWidget* parent) : QWidget(parent), workbench_(workbench) {
    auto* column = new QVBoxLayout(this);
    widgets::setLayoutGrid(column, this, 0, widgets::kSpacing);
    column->setContentsMargins(0, 0, widgets::grid(this, 1), 0);
    column->addWidget(buildMain());
    auto* more = new widgets::Disclosure(tr("Mor&e settings"), QStringLiteral("sample/moreSettings"), this);
    more->setContent(buildMore());
    column->addWidget(more);
    alignForms();
    column->addStretch(1);
    connect(models_, &ModelPicker::changed, this, &SamplingForm::changed);
    connect(models_, &ModelPicker::loaded, this, &SamplingForm::changed);  // a new model's folder is known then
    connect(which_, &QComboBox::currentIndexChanged, this, &SamplingForm::changed);
    for (QSpinBox* box : {perPrompt_, limit_}) {
        connect(box, &QSpinBox::valueChanged, this, &SamplingForm::changed);
    }
    connect(longest_, &QSpinBox::valueChanged, shortest_, &QSpinBox::setMaximum);
    setPromptCounts(0, 0);
}

void SamplingForm::add(QFormLayout* form, const QString& text, QWidget* field, const QString& tip) {
    auto* label = new QLabel(text, form->parentWidget());
    label->setBuddy(field);
    label->setToolTip(tip);
    if (auto* box = qobject_cast<QComboBox*>(field)) {
        // The longest entry must not decide the column's width.
        box->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
        box->setMinimumContentsLength(8);
    }
    field->setToolTip(tip);
    field->setAccessibleDescription(tip);
    form->addRow(label, field);
    fields_ << field;
    labels_ << label;
}

/// Both forms are one column of fields.
void SamplingForm::alignForms() {
    int widest = 0;
    for (const QLabel* label : std::as_const(labels_)) {
        widest = std::max(widest, label->sizeHint().width());
    }
    for (QLabel* label : std::as_const(labels_)) {
        label->setMinimumWidth(widest);
    }
}

QSpinBox* SamplingForm::spin(int low, int high, int value) {
    auto* box = new QSpinBox(this);
    box->setRange(low, high);
    box->setValue(value);
    box->setGroupSeparatorShown(true);
    return box;
}

QDoubleSpinBox* SamplingForm::real(double low, double high, double step, double value) {
    auto* box = new QDoubleSpinBox(this);
    box->setRange(low, high);
    box->setSingleStep(step);
    box->setDecimals(2);
    box->setValue(value);
    return box;
}

QWidget* SamplingForm::buildMain() {
    auto* area = new QWidget(this);
    auto* form = new QFormLayout(area);
    setUp(form, this);
    models_ = new ModelPicker(workbench_, area);
    add(form, tr("&Model"), models_, tr("The model that writes the answers"));
    which_ = new QComboBox(area);
    which_->addItem({}, static_cast<int>(project::Split::Train));
    which_->addItem({}, static_cast<int>(project::Split::Test));
    which_->addItem({}, -1);
    which_->setCurrentIndex(2);
    add(form, tr("&Prompts"), which_,
        tr("Answers to test prompts are labelled too, but only evaluate: no run learns from them"));
    limit_ = spin(0, 10000000, 0);
    limit_->setSpecialValueText(tr("all of them"));
    add(form, tr("At m&ost"), limit_, tr("So many prompts from the first on"));
    perPrompt_ = spin(2, 64, 4);
    add(form, tr("&Answers per prompt"), perPrompt_, tr("Different answers to the same prompt are what is compared"));
    temperature_ = real(0, 5, 0.1, 1);
    add(form, tr("Temperat&ure"), temperature_, tr("Higher is more varied; 0 always takes the likeliest word"));
    longest_ = spin(1, 100000, 128);
    longest_->setSuffix(tr(" tokens"));
    add(form, tr("Lon&gest answer"), longest_, tr("An answer that is not done by then is cut off"));
    return area;
}

QWidget* SamplingForm::buildMore() {
    auto* area = new QWidget(this);
    auto* form = new QFormLayout(area);
    setUp(form, this);
    policy_ = new QComboBox(area);
    policy_->addItem(tr("each answer once"), static_cast<int>(PairPolicy::Disjoint));
    policy_->addItem(tr("every pair"), static_cast<int>(PairPolicy::All));
    add(form, tr("Compa&re"), policy_, tr("Which of a prompt's answers are paired; equal answers never are"));
    topP_ = real(0.01, 1, 0.05, 1);
    add(form, tr("&Top-p"), topP_, tr("Only the likeliest words that together have this share; 1 = off"));
    topK_ = spin(0, 1000000, 0);
    topK_->setSpecialValueText(tr("off"));
    add(form, tr("Top-&k"), topK_, tr("Only so many of the likeliest words"));
    minP_ = real(0, 1, 0.05, 0);
    minP_->setSpecialValueText(tr("off"));
    add(form, tr("M&in-p"), minP_, tr("No word less likely than this share of the likeliest one"));
    repetitionPenalty_ = real(0.01, 10, 0.05, 1);
    add(form, tr("Repetition pe&nalty"), repetitionPenalty_,
        tr("Above 1, words that are there already become less likely; 1 = off"));
    shortest_ = spin(0, longest_->value(), 0);
    shortest_->setSuffix(tr(" tokens"));
    shortest_->setSpecialValueText(tr("any length"));
    add(form, tr("Shortest answer"), shortest_, tr("No answer ends before it has so many tokens"));
    stop_ = new QPlainTextEdit(area);
    stop_->setTabChangesFocus(true);
    stop_->setPlaceholderText(tr("one a line; \\n is a line break"));
    stop_->setFixedHeight(stop_->fontMetrics().lineSpacing() * kShownStopLines + widgets::grid(this, 2));
    add(form, tr("Stop te&xts"), stop_, tr("An answer ends before the first of these texts"));
    seed_ = spin(0, std::numeric_limits<int>::max(), 0);
    seed_->setGroupSeparatorShown(false);
    add(form, tr("See&d"), seed_, tr("The same seed draws the same answers"));
    return area;
}

void SamplingForm::setPromptCounts(qint64 train, qint64 test) {
    trainPrompts_ = train;
    testPrompts_ = test;
    const QLocale locale;
    which_->setItemText(0, tr("Training prompts (%1)").arg(locale.toString(train)));
    which_->setItemText(1, tr("Test prompts (%1)").arg(locale.toString(test)));
    which_->setItemText(2, tr("All prompts (%1)").arg(locale.toString(train + test)));
}

void SamplingForm::setBusy(bool busy) {
    for (QWidget* field : std::as_const(fields_)) {
        field->setEnabled(!busy);
    }
}

std::optional<project::Split> SamplingForm::split() const {
    const int which = which_->currentData().toInt();
    return which < 0 ? std::nullopt : std::optional(static_cast<project::Split>(which));
}

qint64 SamplingForm::promptsOfSplit() const {
    const std::optional<project::Split> chosen = split();
    if (!chosen) {
        return trainPrompts_ + testPrompts_;
    }
    return *chosen == project::Split::Train ? trainPrompts_ : testPrompts_;
}

qint64 SamplingForm::promptsWanted() const {
    return limit_->value() > 0 ? std::min<qint64>(promptsOfSplit(), limit_->value()) : promptsOfSplit();
}

int SamplingForm::answersPerPrompt() const {
    return perPrompt_->value();
}

SamplingRequest SamplingForm::request() const {
    SamplingRequest request;
    request.modelId = models_->modelId();
    contract::SamplingSettings& settings = request.settings;
    settings.samples = perPrompt_->value();
    settings.temperature = temperature_->value();
    settings.topP = topP_->value();
    settings.topK = topK_->value();
    settings.minP = minP_->value();
    settings.repetitionPenalty = repetitionPenalty_->value();
    settings.minNewTokens = shortest_->value();
    settings.maxNewTokens = longest_->value();
    settings.stop = stopTexts(stop_->toPlainText());
    settings.seed = static_cast<std::uint64_t>(seed_->value());
    request.promptLimit = limit_->value();
    request.split = split();
    request.policy = static_cast<PairPolicy>(policy_->currentData().toInt());
    return request;
}

}  // namespace prefbench::pages
