#pragma once

#include <QCoreApplication>
#include <QList>
#include <QMap>
#include <QString>
#include <QStringList>

namespace prefbench::methods {

/// A training method as a person chooses it.
struct MethodChoice {
    Q_DECLARE_TR_FUNCTIONS(prefbench::methods::MethodChoice)
  public:
    QString method;          ///< as run.json names it
    QString name, sentence;  ///< what people call it, and what it does
    /// The settings that its loss reads, of those that not every method does.
    QStringList settings;
    /// Values to begin with where the contract's default makes the method pointless or another one.
    QMap<QString, QString> starts = {};
    /// What beta does where there is a reference to be held to; else its own words.
    QString betaHelp = tr("higher holds the model closer to where it starts");
    bool takesTies = false;            ///< a tie can train as half a label either way
    bool learnsFromAnswers = false;    ///< preferred answers, each once, instead of pairs
    bool needsLabelSmoothing = false;  ///< above 0

    /// All that a project's labels can train, the most common first; plackett_luce, which of pairs is dpo, is not among
    /// them.
    static const QList<QList<MethodChoice>>& groups();
    /// The first one where there is none of that name.
    static const MethodChoice& named(const QString& method);
};

/// A method's name as people call it; its name in run.json where it is not among the choices.
QString methodTitle(const QString& method);

}  // namespace prefbench::methods
