#pragma once

#include <QList>
#include <QString>

namespace prefbench::widgets {

/// Half-open range of UTF-16 positions.
struct TextRange {
    qsizetype start = 0, length = 0;
    bool operator==(const TextRange&) const = default;
};

/// Length of the beginning that both texts share, cut back to a word's end; the whole shorter text when it ends there.
qsizetype commonBeginning(const QString& left, const QString& right);

struct TextDifference {
    QList<TextRange> left, right;  ///< words of each text that the other does not have in the same order
};
/// Word by word (longest common subsequence); where that would be too costly, all between the common beginning and end.
TextDifference differences(const QString& left, const QString& right);

}  // namespace prefbench::widgets
