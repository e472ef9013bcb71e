#include "ui/pages/turns.h"

#include <QCoreApplication>

namespace prefbench::pages {

namespace {

QString speaker(const QString& role) {
    const auto word = [](const char* text) { return QCoreApplication::translate("prefbench::pages::Turns", text); };
    if (role == QLatin1String("user")) {
        return word(QT_TRANSLATE_NOOP("prefbench::pages::Turns", "User"));
    }
    if (role == QLatin1String("assistant")) {
        return word(QT_TRANSLATE_NOOP("prefbench::pages::Turns", "Assistant"));
    }
    if (role == QLatin1String("system")) {
        return word(QT_TRANSLATE_NOOP("prefbench::pages::Turns", "System"));
    }
    if (role == QLatin1String("tool")) {
        return word(QT_TRANSLATE_NOOP("prefbench::pages::Turns", "Tool"));
    }
    return role;
}

}  // namespace

QList<widgets::Turn> turnsOf(const project::Prompt& prompt) {
    QList<widgets::Turn> turns;
    for (const project::Prompt::Turn& turn : prompt.turns()) {
        turns << widgets::Turn{speaker(turn.role), turn.text};
    }
    return turns;
}

}  // namespace prefbench::pages
