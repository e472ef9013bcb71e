#include "ui/pages/train/run_form.h"

#include <QFormLayout>
#include <QLabel>
#include <QScopedValueRollback>
#include <QVBoxLayout>
#include <algorithm>

#include "core/files/error.h"
#include "ui/pages/model_picker.h"
#include "ui/pages/train/setting_field.h"
#include "ui/widgets/choice_box.h"
#include "ui/widgets/disclosure.h"
#include "ui/widgets/theme.h"

namespace prefbench::pages {

using Group = methods::RunSetting::Group;

namespace {

/// "beta = -1.0: must be above 0" → "must be above 0"
QString ruleOf(const QString& problem) {
    const qsizetype colon = problem.indexOf(QStringLiteral(": "));
    return colon < 0 ? problem : problem.mid(colon + 2);
}

QString assignment(const SettingField& field) {
    return field.key() + QLatin1Char('=') + field.text();
}

/// Why the value is refused, as the engine says it.
QString problemOf(const SettingField& field, const methods::MethodChoice& method) {
    contract::RunSpec spec;
    try {
        contract::applySetting(spec, assignment(field).toStdString());
    } catch (const Error& error) {
        return QString::fromUtf8(error.what());
    }
    if (field.key() == QLatin1String("label_smoothing") && method.needsLabelSmoothing &&
        spec.hyperparameters.labelSmoothing == 0) {
        return RunForm::tr("label_smoothing = 0: must be above 0 for %1").arg(method.name);
    }
    return {};
}

}  // namespace

RunForm::RunForm(Workbench& workbench, QWidget* parent) : QWidget(parent), workbench_(workbench) {
    auto* column = new QVBoxLayout(this);
    widgets::setLayoutGrid(column, this, 0, widgets::kSpacing);
    column->addWidget(buildMain());
    more_ = new widgets::Disclosure(tr("M&ore settings"), {}, this);
    more_->setContent(buildMore());
    column->addWidget(more_);
    alignLabels();
    connect(models_, &ModelPicker::changed, this, &RunForm::changed);
    connect(methods_, &QComboBox::currentIndexChanged, this, &RunForm::methodChosen);
    reset();
}

QFormLayout* RunForm::makeForm(QWidget* area) {
    auto* form = new QFormLayout(area);
    form->setContentsMargins(0, 0, 0, 0);
    form->setHorizontalSpacing(widgets::grid(this, 2));
    form->setVerticalSpacing(widgets::grid(this, widgets::kSpacing));
    form->setLabelAlignment(Qt::AlignLeading);
    form->setFieldGrowthPolicy(QFormLayout::AllNonFixedFieldsGrow);
    return form;
}

QWidget* RunForm::buildMain() {
    auto* area = new QWidget(this);
    QFormLayout* form = makeForm(area);
    models_ = new ModelPicker(workbench_, area);
    auto* label = new QLabel(tr("&Model to train"), area);
    label->setBuddy(models_);
    form->addRow(label, models_);
    labels_ << label;
    buildMethods(form, area);
    for (const Group group : {Group::Loss, Group::Trained, Group::Main}) {
        addFields(group, form);
    }
    return area;
}

void RunForm::buildMethods(QFormLayout* form, QWidget* area) {
    methods_ = new widgets::ChoiceBox(area);
    methods_->setObjectName(QStringLiteral("method"));
    methods_->setAccessibleName(tr("Method"));
    methods_->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
    methods_->setMinimumContentsLength(8);
    for (const QList<methods::MethodChoice>& group : methods::MethodChoice::groups()) {
        if (methods_->count() > 0) {
            methods_->insertSeparator(methods_->count());
        }
        for (const methods::MethodChoice& choice : group) {
            methods_->addItem(choice.name, choice.method);
            methods_->setItemData(methods_->count() - 1, choice.sentence, Qt::ToolTipRole);
        }
    }
    methods_->setMaxVisibleItems(methods_->count());
    sentence_ = widgets::secondaryLabel({}, area);
    sentence_->setAlignment(Qt::AlignTop | Qt::AlignLeading);
    auto* label = new QLabel(tr("Me&thod"), area);
    label->setBuddy(methods_);
    form->addRow(label, methods_);
    form->addRow(QString(), sentence_);
    labels_ << label;
}

QWidget* RunForm::buildMore() {
    auto* area = new QWidget(this);
    auto* column = new QVBoxLayout(area);
    widgets::setLayoutGrid(column, this, 0, widgets::kGroupSpacing);
    for (const Group group :
         {Group::FineLoss, Group::Steps, Group::Optimizer, Group::Data, Group::Evaluation, Group::Machine}) {
        auto* part = new QWidget(area);
        auto* partColumn = new QVBoxLayout(part);
        widgets::setLayoutGrid(partColumn, this, 0, widgets::kTightSpacing);
        partColumn->addWidget(widgets::sectionLabel(methods::RunSetting::title(group), part));
        auto* fields = new QWidget(part);
        addFields(group, makeForm(fields));
        partColumn->addWidget(fields);
        column->addWidget(part);
        parts_[group] = part;
    }
    return area;
}

void RunForm::addFields(Group group, QFormLayout* form) {
    for (const methods::RunSetting& setting : methods::RunSetting::all()) {
        if (setting.group != group) {
            continue;
        }
        auto* field = new SettingField(setting, form->parentWidget());
        const bool named = setting.kind != methods::RunSetting::Kind::Switch;  // a check box has its name beside it
        auto* label = new QLabel(named ? setting.label : QString(), form->parentWidget());
        label->setBuddy(named ? field->editor() : nullptr);
        label->setToolTip(setting.key);
        form->addRow(label, field);
        labels_ << label;
        rows_.append({field, form, group});
        connect(field, &SettingField::changed, this, &RunForm::refresh);
        connect(field, &SettingField::returnPressed, this, &RunForm::returnPressed);
    }
}

/// All groups are one column of fields.
void RunForm::alignLabels() {
    int widest = 0;
    for (const QLabel* label : std::as_const(labels_)) {
        widest = std::max(widest, label->sizeHint().width());
    }
    for (QLabel* label : std::as_const(labels_)) {
        label->setMinimumWidth(widest);
    }
}

const methods::MethodChoice& RunForm::method() const {
    return methods::MethodChoice::named(methods_->currentData().toString());
}

void RunForm::setMethod(const QString& method) {
    methods_->setCurrentIndex(methods_->findData(method));
}

SettingField* RunForm::field(const QString& key) const {
    const auto row =
        std::find_if(rows_.begin(), rows_.end(), [&key](const Row& row) { return row.field->key() == key; });
    return row == rows_.end() ? nullptr : row->field;
}

bool RunForm::isRead(const QString& key) const {
    const SettingField* asked = field(key);
    if (!asked) {
        return false;
    }
    const methods::RunSetting& setting = asked->setting();
    const bool ofSomeMethods = setting.group == Group::Loss || setting.group == Group::FineLoss;
    const bool read = key == QLatin1String("ties") ? method().takesTies : method().settings.contains(key);
    if (ofSomeMethods && !read) {
        return false;
    }
    const methods::RunSetting::Condition& condition = setting.onlyIf;
    return condition.key.isEmpty() || field(condition.key)->text() == condition.value;
}

void RunForm::reset() {
    {
        const QScopedValueRollback quiet(quiet_, true);
        models_->clear();
        methods_->setCurrentIndex(0);
        startedFrom_ = method().method;
        for (const Row& row : std::as_const(rows_)) {
            row.field->setText(methods::startValue(row.field->key(), method()));
        }
    }
    presentMethod();
    refresh();
}

/// Values that nobody has touched become those that the new method begins with.
void RunForm::methodChosen() {
    {
        const QScopedValueRollback quiet(quiet_, true);
        const methods::MethodChoice& before = methods::MethodChoice::named(startedFrom_);
        for (const Row& row : std::as_const(rows_)) {
            const QString& key = row.field->key();
            if (row.field->text() == methods::startValue(key, before)) {
                row.field->setText(methods::startValue(key, method()));
            }
        }
        startedFrom_ = method().method;
    }
    presentMethod();
    refresh();
}

void RunForm::presentMethod() {
    const bool answers = method().learnsFromAnswers;
    sentence_->setText(method().sentence);
    methods_->setAccessibleDescription(method().sentence);
    field(QStringLiteral("beta"))->setHelp(method().betaHelp);
    field(QStringLiteral("num_train_epochs"))
        ->setHelp(answers ? tr("times over all preferred answers") : tr("times over all pairs"));
    field(QStringLiteral("batch_size"))->setHelp(answers ? tr("answers a step") : tr("pairs a step"));
}

void RunForm::refresh() {
    if (quiet_) {
        return;
    }
    showFields();
    check();
    Q_EMIT changed();
}

void RunForm::showFields() {
    std::map<Group, bool> used;
    for (const Row& row : std::as_const(rows_)) {
        const bool read = isRead(row.field->key());
        row.form->setRowVisible(row.field, read);
        used[row.group] = used[row.group] || read;
    }
    for (const auto& [group, part] : parts_) {
        part->setVisible(used[group]);
    }
}

void RunForm::check() {
    problem_.clear();
    for (const Row& row : std::as_const(rows_)) {
        const bool sent = row.field->key() != methods::kTrained && isRead(row.field->key());
        const QString problem = sent ? problemOf(*row.field, method()) : QString();
        row.field->setProblem(ruleOf(problem));
        if (problem_.isEmpty() && !problem.isEmpty()) {
            problem_ = tr("%1: %2").arg(QString(row.field->setting().label).remove(QLatin1Char('&')), problem);
        }
    }
}

workbench::NewRun RunForm::run() const {
    workbench::NewRun run;
    run.modelId = models_->modelId();
    run.method = method().method;
    for (const Row& row : rows_) {
        const QString& key = row.field->key();
        if (key == QLatin1String("seed")) {
            run.seed = row.field->text().toULongLong();
        } else if (key != methods::kTrained && isRead(key)) {
            run.settings << assignment(*row.field);
        }
    }
    return run;
}

}  // namespace prefbench::pages
