#pragma once

#include <QStringList>
#include <string>
#include <vector>

namespace prefbench::cli {

/// For CLI11's checks.
inline std::vector<std::string> words(const QStringList& list) {
    std::vector<std::string> all;
    for (const QString& word : list) {
        all.push_back(word.toStdString());
    }
    return all;
}

}  // namespace prefbench::cli
