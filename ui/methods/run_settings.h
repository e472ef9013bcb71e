#pragma once

#include <QCoreApplication>
#include <QList>
#include <QString>

namespace prefbench::methods {

struct MethodChoice;

/// A setting of a new run as the form shows it. Its key is the one that run.json and `--set` name.
struct RunSetting {
    Q_DECLARE_TR_FUNCTIONS(prefbench::methods::RunSetting)
  public:
    enum class Kind { Number, Text, Choice, Switch };
    enum class Group { Loss, Trained, Main, FineLoss, Steps, Optimizer, Data, Evaluation, Machine };
    struct Option {
        QString value, label;
    };
    struct Condition {
        QString key, value;
    };

    QString key, label, help;
    Group group = Group::Main;
    Kind kind = Kind::Number;
    QList<Option> options = {};  ///< of a Choice
    Condition onlyIf = {};       ///< shown while that setting has that value; empty: always

    /// All of them, in the order of the form.
    static const QList<RunSetting>& all();
    /// The heading of a group below "More settings".
    static QString title(Group group);
};

/// Not a setting of its own: whether the lora_… settings hold.
inline const QString kTrained = QStringLiteral("trained");
inline const QString kAdapter = QStringLiteral("adapter");

/// What the form begins with for a method.
QString startValue(const QString& key, const MethodChoice& method);

}  // namespace prefbench::methods
