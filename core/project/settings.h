#pragma once

#include <QString>

#include "core/project/project.h"

namespace prefbench::project {

/// Key → text, per project.
class Settings {
  public:
    explicit Settings(Project& project) : project_(project) {}
    QString value(const QString& key, const QString& fallback = {});
    void set(const QString& key, const QString& value);

  private:
    Project& project_;
};

}  // namespace prefbench::project
