#include "core/labelling/starter_rule.h"

#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QMap>
#include <QRegularExpression>
#include <QSet>
#include <QStringList>
#include <optional>
#include <vector>

#include "core/files/error.h"

// Resources of a static library have to be asked for, outside any namespace.
static void initialiseStarterResources() {
    Q_INIT_RESOURCE(starter);
}

namespace prefbench::labelling {

namespace {

enum class Mood { Neutral, Warm, Cold };

/// Facts by kind ("people"): which of the grammar's values a prompt or a review has named.
using Facts = QMap<QString, int>;

/// A sentence as the grammar reads it.
struct Parsed {
    Mood mood = Mood::Neutral;
    QString aspect;  ///< what is judged; empty for neutral sentences
    Facts facts;
};

QStringList strings(const QJsonValue& value) {
    QStringList list;
    for (const auto& entry : value.toArray())
        list << entry.toString();
    return list;
}

QString capitalised(const QString& text) {
    return text.left(1).toUpper() + text.mid(1);
}

QStringList escaped(QStringList texts) {
    for (QString& text : texts)
        text = QRegularExpression::escape(text);
    return texts;
}

/// Cut after each run of stops that a space or the end follows; an unfinished rest is the last piece.
QStringList splitSentences(const QString& text) {
    static const QRegularExpression boundary(QStringLiteral("(?<=[.!?])\\s+"));
    return text.trimmed().split(boundary, Qt::SkipEmptyParts);
}

bool isUnfinished(const QString& sentence) {
    static const QRegularExpression finished(QStringLiteral("(?<!\\.)[.!?]$"));
    return !finished.match(sentence).hasMatch();
}

QByteArray builtInGrammar() {
    initialiseStarterResources();
    QFile file(QStringLiteral(":/starter/grammar.json"));
    if (!file.open(QIODevice::ReadOnly))
        throw Error("the starter grammar is not built into this program");
    return file.readAll();
}

}  // namespace

/// The sentences of grammar.json as patterns, and what reading a review takes.
class StarterRule::Grammar {
  public:
    Grammar(const QByteArray& json, const QString& what);

    Facts factsIn(const QString& text) const;
    /// The sentence without the link before it, with a capital; as it stands when it has no link that fits.
    QString withoutLink(const QString& sentence) const;
    /// nullopt when the grammar could not have written the sentence; `first`: it opens the review.
    std::optional<Parsed> parse(const QString& sentence, bool first) const;
    /// An unfinished sentence with its tail taken off and ended; as it stands when it has no tail of the grammar's.
    QString withoutTail(const QString& sentence) const;

  private:
    struct Fact {
        QString kind;
        QStringList forms;
        std::vector<QStringList> values;               ///< [value][form]
        std::vector<QRegularExpression> anyForm = {};  ///< [value]: one of its names as whole words
    };
    struct Sentence {
        QRegularExpression pattern;  ///< captures a fact under its kind
        QString start;               ///< how every such sentence begins, up to the first slot
        Mood mood;
        QString aspect;
        QMap<QString, QString> formOfKind;
    };
    struct Link {
        QString text;  ///< with the space after it
        std::optional<Mood> mood;
    };
    struct Unlinked {
        QString sentence;
        const Link* link = nullptr;
    };

    void readFacts(const QJsonObject& facts);
    void readLinks(const QJsonObject& links);
    void addSentences(const QJsonValue& templates, Mood mood, const QString& aspect);
    void addBothMoods(const QJsonObject& byMood, const QString& aspect);
    const Fact* factOfForm(const QString& form) const;
    QStringList slotValues(const QString& slot) const;
    Unlinked unlink(const QString& sentence) const;
    Parsed parsed(const Sentence& sentence, const QRegularExpressionMatch& match) const;
    int valueIndex(const QString& kind, const QString& form, const QString& text) const;

    QString what_;
    std::vector<Fact> facts_;
    QMap<QString, QStringList> lists_;
    std::vector<Sentence> sentences_;
    std::vector<Link> links_;
    QStringList tails_;
};

StarterRule::Grammar::Grammar(const QByteArray& json, const QString& what) : what_(what) {
    QJsonParseError error;
    const QJsonObject root = QJsonDocument::fromJson(json, &error).object();
    if (error.error != QJsonParseError::NoError)
        throw Error((what + QStringLiteral(": not JSON: ") + error.errorString()).toStdString());
    for (const char* key : {"facts", "lists", "neutral", "film", "aspects", "links", "tails"})
        if (!root.contains(QLatin1String(key)))
            throw Error(
                (what + QStringLiteral(": a review grammar needs the key ") + QLatin1String(key)).toStdString());
    readFacts(root[QStringLiteral("facts")].toObject());
    readLinks(root[QStringLiteral("links")].toObject());
    tails_ = strings(root[QStringLiteral("tails")]);
    const QJsonObject lists = root[QStringLiteral("lists")].toObject();
    for (auto list = lists.begin(); list != lists.end(); ++list)
        lists_[list.key()] = strings(list.value());

    for (const auto& templates : root[QStringLiteral("neutral")].toObject())
        addSentences(templates, Mood::Neutral, {});
    for (const auto& byMood : root[QStringLiteral("film")].toObject())
        addBothMoods(byMood.toObject(), QStringLiteral("film"));
    const QJsonObject aspects = root[QStringLiteral("aspects")].toObject();
    for (auto aspect = aspects.begin(); aspect != aspects.end(); ++aspect)
        addBothMoods(aspect.value().toObject(), aspect.key());
}

void StarterRule::Grammar::readFacts(const QJsonObject& facts) {
    for (auto entry = facts.begin(); entry != facts.end(); ++entry) {
        const QJsonObject object = entry.value().toObject();
        Fact fact{entry.key(), strings(object[QStringLiteral("forms")]), {}};
        for (const auto& value : object[QStringLiteral("values")].toArray())
            fact.values.push_back(strings(value));
        for (const QStringList& value : fact.values) {
            if (value.size() != fact.forms.size())
                throw Error((what_ + QStringLiteral(": ") + fact.kind + QStringLiteral(" \"") + value.join(u'/') +
                             QStringLiteral("\" does not have one name a form"))
                                .toStdString());
            fact.anyForm.emplace_back(QStringLiteral("\\b(?:%1)\\b").arg(escaped(value).join(u'|')));
        }
        facts_.push_back(std::move(fact));
    }
}

void StarterRule::Grammar::readLinks(const QJsonObject& links) {
    const auto add = [&](const QString& key, std::optional<Mood> mood) {
        for (const QString& text : strings(links[key]))
            links_.push_back({text + u' ', mood});
    };
    add(QStringLiteral("warm"), Mood::Warm);
    add(QStringLiteral("cold"), Mood::Cold);
    add(QStringLiteral("opposed"), std::nullopt);
}

void StarterRule::Grammar::addBothMoods(const QJsonObject& byMood, const QString& aspect) {
    addSentences(byMood[QStringLiteral("warm")], Mood::Warm, aspect);
    addSentences(byMood[QStringLiteral("cold")], Mood::Cold, aspect);
}

void StarterRule::Grammar::addSentences(const QJsonValue& templates, Mood mood, const QString& aspect) {
    static const QRegularExpression slotPattern(QStringLiteral("\\{([^}]+)\\}"));
    for (const QString& text : strings(templates)) {
        Sentence sentence{{}, text.left(text.indexOf(u'{')), mood, aspect, {}};
        QString pattern = QStringLiteral("^");
        qsizetype at = 0;
        for (auto matches = slotPattern.globalMatch(text); matches.hasNext();) {
            const QRegularExpressionMatch slot = matches.next();
            pattern += QRegularExpression::escape(text.mid(at, slot.capturedStart() - at));
            at = slot.capturedEnd();
            const QStringList values = escaped(slotValues(slot.captured(1)));
            const Fact* fact = factOfForm(slot.captured(1).toLower());
            if (fact)
                sentence.formOfKind[fact->kind] = slot.captured(1);
            pattern +=
                (fact ? QStringLiteral("(?<%1>").arg(fact->kind) : QStringLiteral("(?:")) + values.join(u'|') + u')';
        }
        pattern += QRegularExpression::escape(text.mid(at)) + u'$';
        sentence.pattern.setPattern(pattern);
        sentence.pattern.optimize();
        sentences_.push_back(std::move(sentence));
    }
}

const StarterRule::Grammar::Fact* StarterRule::Grammar::factOfForm(const QString& form) const {
    for (const Fact& fact : facts_)
        if (fact.forms.contains(form))
            return &fact;
    return nullptr;
}

QStringList StarterRule::Grammar::slotValues(const QString& slot) const {
    const QString name = slot.toLower();
    QStringList values;
    if (const Fact* fact = factOfForm(name)) {
        for (const QStringList& value : fact->values)
            values << value[fact->forms.indexOf(name)];
    } else if (lists_.contains(name)) {
        values = lists_[name];
    } else {
        throw Error((what_ + QStringLiteral(": there is no list or fact {") + name + u'}').toStdString());
    }
    if (slot.front().isUpper())
        for (QString& value : values)
            value = capitalised(value);
    return values;
}

Facts StarterRule::Grammar::factsIn(const QString& text) const {
    Facts found;
    for (const Fact& fact : facts_)
        for (std::size_t value = 0; value < fact.values.size() && !found.contains(fact.kind); ++value)
            if (fact.anyForm[value].match(text).hasMatch())
                found[fact.kind] = int(value);
    return found;
}

StarterRule::Grammar::Unlinked StarterRule::Grammar::unlink(const QString& sentence) const {
    for (const Link& link : links_) {
        if (!sentence.startsWith(link.text))
            continue;
        const QString rest = sentence.mid(link.text.size());
        if (rest.startsWith(QStringLiteral("I ")) || (!rest.isEmpty() && rest.front().isLower()))
            return {capitalised(rest), &link};
    }
    return {sentence, nullptr};
}

QString StarterRule::Grammar::withoutLink(const QString& sentence) const {
    return unlink(sentence).sentence;
}

QString StarterRule::Grammar::withoutTail(const QString& sentence) const {
    for (const QString& tail : tails_)
        if (sentence.endsWith(tail))
            return sentence.chopped(tail.size()) + u'.';
    return sentence;
}

std::optional<Parsed> StarterRule::Grammar::parse(const QString& text, bool first) const {
    const Unlinked unlinked = unlink(text);
    for (const Sentence& sentence : sentences_) {
        if (!unlinked.sentence.startsWith(sentence.start))
            continue;
        const QRegularExpressionMatch match = sentence.pattern.match(unlinked.sentence);
        if (!match.hasMatch())
            continue;
        // Links stand before judgements of single aspects, and those of a mood before that mood.
        if (unlinked.link) {
            const bool takesLink = !sentence.aspect.isEmpty() && sentence.aspect != QStringLiteral("film");
            if (first || !takesLink || unlinked.link->mood.value_or(sentence.mood) != sentence.mood)
                return std::nullopt;
        }
        return parsed(sentence, match);
    }
    return std::nullopt;
}

Parsed StarterRule::Grammar::parsed(const Sentence& sentence, const QRegularExpressionMatch& match) const {
    Parsed result{sentence.mood, sentence.aspect, {}};
    for (auto entry = sentence.formOfKind.begin(); entry != sentence.formOfKind.end(); ++entry)
        result.facts[entry.key()] = valueIndex(entry.key(), entry.value(), match.captured(entry.key()));
    return result;
}

int StarterRule::Grammar::valueIndex(const QString& kind, const QString& form, const QString& text) const {
    for (const Fact& fact : facts_) {
        if (fact.kind != kind)
            continue;
        const qsizetype column = fact.forms.indexOf(form.toLower());
        for (std::size_t value = 0; value < fact.values.size(); ++value)
            if (fact.values[value][column].compare(text, Qt::CaseInsensitive) == 0)
                return int(value);
    }
    return -1;
}

namespace {

/// Goes through a review sentence by sentence and keeps what it has said.
class Reading {
  public:
    Reading(Facts promptFacts, int sentences) : facts_(std::move(promptFacts)) { findings_.sentences = sentences; }

    void repeat() { ++findings_.repetitions; }
    void breakOff() { findings_.trailsOff = true; }
    void breakSentence() { ++findings_.broken; }

    void take(const Parsed& sentence) {
        const bool turned = turnsJudgement(sentence);
        if (namesOtherFact(sentence) || turned)
            ++findings_.contradictions;
        findings_.warm += sentence.mood == Mood::Warm;
        findings_.cold += sentence.mood == Mood::Cold;
    }

    const ReviewFindings& findings() const { return findings_; }

  private:
    bool turnsJudgement(const Parsed& sentence) {
        if (sentence.mood == Mood::Neutral)
            return false;
        const Mood before = judged_.value(sentence.aspect, sentence.mood);
        judged_.insert(sentence.aspect, before);
        return before != sentence.mood;
    }

    bool namesOtherFact(const Parsed& sentence) {
        bool other = false;
        for (auto fact = sentence.facts.begin(); fact != sentence.facts.end(); ++fact) {
            if (!facts_.contains(fact.key()))
                facts_.insert(fact.key(), fact.value());
            other = other || facts_[fact.key()] != fact.value();
        }
        return other;
    }

    Facts facts_;
    QMap<QString, Mood> judged_;
    ReviewFindings findings_;
};

}  // namespace

double ReviewFindings::mood() const {
    return warm + cold == 0 ? 0 : double(warm - cold) / (warm + cold);
}

StarterRule::StarterRule() : StarterRule(builtInGrammar(), QStringLiteral("starter grammar")) {}

StarterRule::StarterRule(const QByteArray& grammar, const QString& what)
    : grammar_(std::make_unique<const Grammar>(grammar, what)) {}

StarterRule::~StarterRule() = default;

double StarterRule::score(const QString& prompt, const QString& answer) const {
    return examine(prompt, answer).score();
}

ReviewFindings StarterRule::examine(const QString& prompt, const QString& answer) const {
    QStringList sentences = splitSentences(answer);
    Reading reading(grammar_->factsIn(prompt), int(sentences.size()));
    if (sentences.isEmpty())
        reading.breakSentence();
    if (sentences.isEmpty() || isUnfinished(sentences.last()))
        reading.breakOff();
    if (!sentences.isEmpty() && isUnfinished(sentences.last()))
        sentences.last() = grammar_->withoutTail(sentences.last());
    QSet<QString> said;
    for (qsizetype i = 0; i < sentences.size(); ++i) {
        const QString plain = grammar_->withoutLink(sentences[i]);
        if (said.contains(plain)) {
            reading.repeat();
            continue;
        }
        said.insert(plain);
        if (const std::optional<Parsed> sentence = grammar_->parse(sentences[i], i == 0))
            reading.take(*sentence);
        else
            reading.breakSentence();
    }
    return reading.findings();
}

}  // namespace prefbench::labelling
