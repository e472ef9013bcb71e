#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "core/files/durable_file.h"

namespace prefbench::training {

/// What a run says to people: a line with the time on standard error, and in engine.log where that is another file
/// (who starts a run in the background sends its standard error there).
class RunLog {
  public:
    explicit RunLog(const std::filesystem::path& file);
    void say(const std::string& line);

  private:
    std::unique_ptr<files::LineAppender> file_;
};

}  // namespace prefbench::training
