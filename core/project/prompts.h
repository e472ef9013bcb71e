#pragma once

#include <QList>
#include <QString>
#include <optional>

#include "core/contract/passage.h"
#include "core/project/project.h"

namespace prefbench::project {

enum class Split { Train, Test };
const char* toString(Split split);

struct Prompt {
    QString id{};
    QByteArray messages{};  ///< JSON: a string (plain text), or an array of {"role","content"}
    Split split = Split::Train;
    QString source{};  ///< where it came from: a file name, "starter"…

    /// As the engine and data sets take it; what is no text has its messages unchecked.
    contract::Passage passage() const;
    /// Readable text: the string itself, or the messages' contents with their roles.
    QString text() const;
    /// The parts of a conversation; of plain text one part without a role.
    struct Turn {
        QString role, text;
        bool operator==(const Turn&) const = default;
    };
    QList<Turn> turns() const;
    static QByteArray plainMessages(const QString& text);
};

class Prompts {
  public:
    explicit Prompts(Project& project) : project_(project) {}
    /// Adds the prompt unless one with the same messages is there; returns the id of whichever stands.
    /// `added` (optional) tells which.
    QString add(const QByteArray& messages, Split split, const QString& source, bool* added = nullptr);
    std::optional<Prompt> find(const QString& id);
    qint64 count(std::optional<Split> split = {});
    /// In order of addition, after `afterId` (keyset), at most `limit`.
    QList<Prompt> page(std::optional<Split> split, const QString& afterId = {}, int limit = 1000);
    /// The one at this place of that order, from 0.
    std::optional<Prompt> at(std::optional<Split> split, qint64 place);

  private:
    Project& project_;
};

}  // namespace prefbench::project
