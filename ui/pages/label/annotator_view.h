#pragma once

#include "ui/widgets/state_view.h"

class QLineEdit;

namespace prefbench::pages {

/// Asks who is labelling.
class AnnotatorView : public widgets::StateView {
    Q_OBJECT
  public:
    explicit AnnotatorView(QWidget* parent = nullptr);

    /// With `problem` instead of the usual sentence after a name that could not be taken; what was typed stays.
    void ask(const QString& problem = {});
    void setName(const QString& name);
    void focusName();

    /// The name last used with the project; empty when there is none.
    static QString rememberedFor(const QString& projectPath);
    static void remember(const QString& projectPath, const QString& name);

  Q_SIGNALS:
    /// Never empty.
    void named(const QString& name);

  private:
    void giveName();

    QLineEdit* edit_;
};

}  // namespace prefbench::pages
