#include "ui/widgets/text_difference.h"

#include <QStringView>
#include <algorithm>
#include <vector>

namespace prefbench::widgets {

namespace {

constexpr qsizetype kMostCells = 4'000'000;

QList<TextRange> words(const QString& text) {
    QList<TextRange> found;
    qsizetype start = -1;
    for (qsizetype i = 0; i <= text.size(); ++i) {
        const bool inside = i < text.size() && !text[i].isSpace();
        if (inside && start < 0) {
            start = i;
        } else if (!inside && start >= 0) {
            found << TextRange{start, i - start};
            start = -1;
        }
    }
    return found;
}

struct Words {
    const QString& text;
    QList<TextRange> ranges;
    QStringView at(qsizetype i) const { return QStringView(text).mid(ranges[i].start, ranges[i].length); }
};

void markAll(const Words& words, qsizetype from, qsizetype to, QList<TextRange>& marked) {
    for (qsizetype i = from; i < to; ++i) {
        marked << words.ranges[i];
    }
}

void markBySubsequence(const Words& left, const Words& right, qsizetype begin, qsizetype leftEnd, qsizetype rightEnd,
                       TextDifference& result) {
    const qsizetype rows = leftEnd - begin;
    const qsizetype columns = rightEnd - begin;
    // longest[i][j]: longest common subsequence of left words from i and right words from j on
    std::vector<int> longest(static_cast<size_t>((rows + 1) * (columns + 1)), 0);
    const auto cell = [&longest, columns](qsizetype i, qsizetype j) -> int& {
        return longest[static_cast<size_t>(i * (columns + 1) + j)];
    };
    for (qsizetype i = rows - 1; i >= 0; --i) {
        for (qsizetype j = columns - 1; j >= 0; --j) {
            cell(i, j) = left.at(begin + i) == right.at(begin + j) ? cell(i + 1, j + 1) + 1
                                                                   : std::max(cell(i + 1, j), cell(i, j + 1));
        }
    }
    qsizetype i = 0, j = 0;
    while (i < rows && j < columns) {
        if (left.at(begin + i) == right.at(begin + j)) {
            ++i;
            ++j;
        } else if (cell(i + 1, j) >= cell(i, j + 1)) {
            result.left << left.ranges[begin + i++];
        } else {
            result.right << right.ranges[begin + j++];
        }
    }
    markAll(left, begin + i, leftEnd, result.left);
    markAll(right, begin + j, rightEnd, result.right);
}

}  // namespace

qsizetype commonBeginning(const QString& left, const QString& right) {
    const qsizetype most = std::min(left.size(), right.size());
    qsizetype length = 0;
    while (length < most && left[length] == right[length]) {
        ++length;
    }
    const auto endsWord = [length](const QString& text) { return length == text.size() || text[length].isSpace(); };
    if (length > 0 && endsWord(left) && endsWord(right)) {
        return length;
    }
    while (length > 0 && !left[length - 1].isSpace()) {
        --length;
    }
    return length;
}

TextDifference differences(const QString& leftText, const QString& rightText) {
    const Words left{leftText, words(leftText)};
    const Words right{rightText, words(rightText)};
    qsizetype begin = 0, leftEnd = left.ranges.size(), rightEnd = right.ranges.size();
    while (begin < leftEnd && begin < rightEnd && left.at(begin) == right.at(begin)) {
        ++begin;
    }
    while (leftEnd > begin && rightEnd > begin && left.at(leftEnd - 1) == right.at(rightEnd - 1)) {
        --leftEnd;
        --rightEnd;
    }
    TextDifference result;
    if ((leftEnd - begin + 1) * (rightEnd - begin + 1) > kMostCells) {
        markAll(left, begin, leftEnd, result.left);
        markAll(right, begin, rightEnd, result.right);
    } else {
        markBySubsequence(left, right, begin, leftEnd, rightEnd, result);
    }
    return result;
}

}  // namespace prefbench::widgets
