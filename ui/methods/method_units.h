#pragma once

#include <QCoreApplication>
#include <QString>

namespace prefbench::methods {

/// What a training method's numbers are, where charts say it.
struct MethodUnits {
    Q_DECLARE_TR_FUNCTIONS(prefbench::methods::MethodUnits)
  public:
    QString loss, reward;
    bool startsAtLn2 = false;  ///< the loss of a model that knows nothing yet, for then all pairs are alike to it
};

/// `method` as run.json names it; dpo's for a name that is not known.
MethodUnits unitsOf(const QString& method);

}  // namespace prefbench::methods
