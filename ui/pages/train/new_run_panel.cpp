#include "ui/pages/train/new_run_panel.h"

#include <QFormLayout>
#include <QHBoxLayout>
#include <QLineEdit>
#include <QLocale>
#include <QPushButton>
#include <QScrollArea>

#include "ui/pages/model_picker.h"
#include "ui/widgets/disclosure.h"
#include "ui/widgets/notice_bar.h"
#include "ui/widgets/theme.h"

namespace prefbench::pages {
namespace {

/// What the form starts with: run_spec's defaults, but gentler steps and twice over the pairs, with which small sets of
/// labels train without the text falling apart.
contract::RunSpec initialSpec() {
    contract::RunSpec spec;
    spec.hyperparameters.learningRate = 5e-5;
    spec.hyperparameters.epochs = 2;
    return spec;
}

QString initialValue(const std::string& key) {
    const files::OrderedJson json = contract::toJson(initialSpec());
    const files::OrderedJson& inner = json.at("hyperparameters");
    const files::OrderedJson& value = inner.contains(key) ? inner.at(key) : json.at(key);
    if (value.is_number_float()) {
        return QString::number(value.get<double>(), 'g', 10);
    }
    return value.is_string() ? QString::fromStdString(value.get<std::string>())
                             : QString::fromStdString(files::toLine(value));
}

const QList<std::array<const char*, 3>>& mainFields() {
    static const QList<std::array<const char*, 3>> fields = {
        {"beta", QT_TRANSLATE_NOOP("prefbench::pages::NewRunPanel", "&Beta"),
         QT_TRANSLATE_NOOP("prefbench::pages::NewRunPanel", "higher holds the model closer to where it starts")},
        {"learning_rate", QT_TRANSLATE_NOOP("prefbench::pages::NewRunPanel", "Learning &rate"),
         QT_TRANSLATE_NOOP("prefbench::pages::NewRunPanel", "size of the steps")},
        {"num_train_epochs", QT_TRANSLATE_NOOP("prefbench::pages::NewRunPanel", "&Epochs"),
         QT_TRANSLATE_NOOP("prefbench::pages::NewRunPanel", "times over all pairs")},
        {"batch_size", QT_TRANSLATE_NOOP("prefbench::pages::NewRunPanel", "B&atch size"),
         QT_TRANSLATE_NOOP("prefbench::pages::NewRunPanel", "pairs a step")},
    };
    return fields;
}

}  // namespace

NewRunPanel::NewRunPanel(Workbench& workbench, QWidget* parent) : QWidget(parent), workbench_(workbench) {
    auto* inner = new QWidget(this);
    auto* column = new QVBoxLayout(inner);
    widgets::setLayoutGrid(column, this, 0, widgets::kGroupSpacing);
    column->addWidget(widgets::titleLabel(tr("New run"), inner));
    column->addWidget(buildDataset());
    column->addWidget(buildSettings());
    column->addStretch(1);
    auto* scroll = new QScrollArea(this);
    scroll->setWidgetResizable(true);
    scroll->setFrameShape(QFrame::NoFrame);
    scroll->setWidget(inner);
    inner->setMaximumWidth(widgets::em(this, 48));

    notice_ = new widgets::NoticeBar(this);
    start_ = new widgets::PrimaryButton(tr("&Start training"), this);
    connect(start_, &QPushButton::clicked, this, &NewRunPanel::startRequested);
    auto* cancel = new QPushButton(tr("&Cancel"), this);
    connect(cancel, &QPushButton::clicked, this, &NewRunPanel::cancelled);
    auto* buttons = new QHBoxLayout;
    buttons->setSpacing(widgets::grid(this, widgets::kSpacing));
    buttons->addWidget(start_);
    buttons->addWidget(cancel);
    buttons->addStretch(1);
    auto* layout = new QVBoxLayout(this);
    widgets::setLayoutGrid(layout, this, 0, widgets::kSpacing);
    layout->addWidget(scroll, 1);
    layout->addWidget(notice_);
    layout->addLayout(buttons);
    setTabOrder(models_, fields_.first().edit);
    clear();
}

QWidget* NewRunPanel::buildDataset() {
    auto* card = new widgets::Card(this);
    auto* column = new QVBoxLayout(card);
    widgets::setLayoutGrid(column, this, 2, widgets::kTightSpacing);
    column->addWidget(widgets::sectionLabel(tr("Labelled pairs"), card));
    pairs_ = new widgets::Label(widgets::Label::Role::Body, {}, card);
    pairs_->setWordWrap(true);
    pairsNote_ = widgets::secondaryLabel({}, card);
    label_ = new widgets::PrimaryButton(tr("Label &pairs"), card);
    connect(label_, &QPushButton::clicked, this, [this] { workbench_.requestPage(QStringLiteral("label")); });
    column->addWidget(pairs_);
    column->addWidget(pairsNote_);
    column->addWidget(label_, 0, Qt::AlignLeft);
    return card;
}

QWidget* NewRunPanel::buildSettings() {
    auto* area = new QWidget(this);
    auto* column = new QVBoxLayout(area);
    widgets::setLayoutGrid(column, this, 0, widgets::kSpacing);
    auto* form = new QFormLayout;
    form->setHorizontalSpacing(widgets::grid(this, 2));
    form->setVerticalSpacing(widgets::grid(this, widgets::kSpacing));
    form->setLabelAlignment(Qt::AlignLeading);
    models_ = new ModelPicker(workbench_, area);
    connect(models_, &ModelPicker::changed, this, &NewRunPanel::validate);
    auto* modelLabel = new QLabel(tr("&Model to train"), area);
    modelLabel->setBuddy(models_);
    form->addRow(modelLabel, models_);
    for (const auto& [key, label, help] : mainFields()) {
        addField(form, QString::fromLatin1(key), tr(label), tr(help));
    }
    column->addLayout(form);

    auto* more = new widgets::Disclosure(tr("M&ore settings"), {}, area);
    auto* moreArea = new QWidget(more);
    auto* moreForm = new QFormLayout(moreArea);
    moreForm->setContentsMargins(0, 0, 0, 0);
    moreForm->setHorizontalSpacing(widgets::grid(this, 2));
    moreForm->setVerticalSpacing(widgets::grid(this, widgets::kTightSpacing));
    moreForm->setLabelAlignment(Qt::AlignLeading);
    for (const std::string& name : contract::settingNames()) {
        const QString key = QString::fromStdString(name);
        if (!field(key)) {
            addField(moreForm, key, key, {});
        }
    }
    more->setContent(moreArea);
    column->addWidget(more);
    return area;
}

void NewRunPanel::addField(QFormLayout* form, const QString& key, const QString& label, const QString& help) {
    auto* row = new QWidget(form->parentWidget() ? form->parentWidget() : this);
    auto* line = new QHBoxLayout(row);
    widgets::setLayoutGrid(line, this, 0, widgets::kSpacing);
    auto* edit = new QLineEdit(initialValue(key.toStdString()), row);
    edit->setFixedWidth(widgets::em(this, 8));
    edit->setAccessibleName(QString(label).remove(QLatin1Char('&')));
    edit->setAccessibleDescription(help);
    edit->setToolTip(key);
    line->addWidget(edit);
    auto* note = widgets::secondaryLabel(help, row);
    line->addWidget(note, 1);
    auto* name = new QLabel(label, row);
    name->setBuddy(edit);
    form->addRow(name, row);
    fields_.append({key, edit->text(), edit});
    connect(edit, &QLineEdit::textChanged, this, &NewRunPanel::validate);
    connect(edit, &QLineEdit::returnPressed, this, [this] {
        if (start_->isEnabled()) {
            Q_EMIT startRequested();
        }
    });
}

QLineEdit* NewRunPanel::field(const QString& key) const {
    for (const Field& field : fields_) {
        if (field.key == key) {
            return field.edit;
        }
    }
    return nullptr;
}

void NewRunPanel::begin() {
    showProblem({});
    wantsFocus_ = true;
    load();
}

void NewRunPanel::load() {
    if (!workbench_.isOpen()) {
        return;
    }
    models_->load();
    workbench_.store().run([](project::Project& project) { return workbench::summarizeDataset(project); }, this,
                           [this](const workbench::DatasetSummary& summary) { presentSummary(summary); },
                           [this](const QString& message) { showProblem(message); });
}

void NewRunPanel::clear() {
    models_->clear();
    for (const Field& field : std::as_const(fields_)) {
        field.edit->setText(field.initial);
    }
    trainable_ = false;
    busy_ = false;
    label_->hide();
    pairs_->setText(tr("Counting…"));
    pairsNote_->clear();
    showProblem({});
    validate();
}

void NewRunPanel::chooseModel(const QString& modelId) {
    models_->choose(modelId);
}

void NewRunPanel::presentSummary(const workbench::DatasetSummary& summary) {
    const QLocale locale;
    trainable_ = summary.problem.isEmpty();
    label_->setVisible(!trainable_);
    if (trainable_) {
        pairs_->setText(tr("%1 pairs to learn from, %2 held out to evaluate on")
                            .arg(locale.toString(summary.trainPairs), locale.toString(summary.evalPairs)));
        QStringList notes{tr("From %1 prompts; no prompt is on both sides.").arg(locale.toString(summary.prompts))};
        if (summary.ties > 0) {
            notes << tr("%1 ties are left out.").arg(locale.toString(summary.ties));
        }
        pairsNote_->setText(notes.join(QLatin1Char(' ')));
    } else {
        pairs_->setText(summary.problem);
        pairsNote_->clear();
    }
    validate();
}

void NewRunPanel::validate() {
    QString problem;
    contract::RunSpec spec = initialSpec();
    for (const Field& field : std::as_const(fields_)) {
        try {
            contract::applySetting(spec, (field.key + QLatin1Char('=') + field.edit->text().trimmed()).toStdString());
        } catch (const Error& error) {
            problem = QString::fromUtf8(error.what());
            break;
        }
    }
    if (!valid_ || !problem.isEmpty()) {
        showProblem(problem);
    }
    valid_ = problem.isEmpty();
    start_->setEnabled(!busy_ && trainable_ && valid_ && !models_->modelId().isEmpty() && !workbench_.isReadOnly());
    start_->setToolTip(models_->modelId().isEmpty() ? tr("Choose a model first") : QString());
    QWidget* const next = label_->isVisible() ? label_ : start_;
    if (wantsFocus_ && isVisible() && next->isEnabled()) {
        wantsFocus_ = false;
        next->setFocus();
    }
}

void NewRunPanel::showProblem(const QString& problem) {
    if (problem.isEmpty()) {
        notice_->dismiss();
    } else {
        notice_->present(widgets::NoticeBar::Kind::Problem, problem);
    }
}

QString NewRunPanel::problem() const {
    return notice_->isHidden() ? QString() : notice_->text();
}

void NewRunPanel::setBusy(bool busy) {
    busy_ = busy;
    start_->setText(busy ? tr("Starting…") : tr("&Start training"));
    validate();
}

workbench::NewRun NewRunPanel::run() const {
    workbench::NewRun run;
    run.modelId = models_->modelId();
    run.method = QStringLiteral("dpo");
    for (const Field& field : fields_) {
        const QString text = field.edit->text().trimmed();
        if (field.key == QLatin1String("seed")) {
            run.seed = text.toULongLong();
        } else {
            run.settings << field.key + QLatin1Char('=') + text;
        }
    }
    return run;
}

QString NewRunPanel::modelFolder() const {
    return models_->modelFolder();
}

}  // namespace prefbench::pages
