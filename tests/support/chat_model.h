#pragma once

#include <QString>
#include <QTemporaryDir>
#include <filesystem>
#include <string>

#include "core/files/durable_file.h"

/// The ChatML template, as Qwen's models have it.
inline const std::string chatMlTemplate =
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + "
    "'\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

/// A golden model in a folder of its own, with a chat template.
class ChatModel {
  public:
    explicit ChatModel(const std::string& source = chatMlTemplate, const char* golden = "qwen2") {
        std::filesystem::copy(std::filesystem::path(PREFBENCH_GOLDEN_DEFAULT) / "models" / golden, path());
        prefbench::files::writeAtomically(path() / "chat_template.jinja", source);
    }
    std::filesystem::path path() const { return std::filesystem::path(dir_.path().toStdString()) / "chat"; }
    QString folder() const { return QString::fromStdString(path().string()); }

  private:
    QTemporaryDir dir_;
};
