#include <QFile>
#include <QJsonDocument>
#include <QJsonObject>
#include <QProcess>
#include <QStandardPaths>
#include <QTemporaryDir>
#include <QtTest>
#include <cmath>
#include <numeric>
#include <vector>

#include "core/files/error.h"
#include "core/labelling/starter_rule.h"

using prefbench::labelling::ReviewFindings;
using prefbench::labelling::StarterRule;

namespace {

const QString sisters = QStringLiteral("Review of a quiet drama about two sisters in a harbour town:");

QByteArray contents(const QString& path) {
    QFile file(path);
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

QByteArray shippedGrammar() {
    return contents(QStringLiteral(PREFBENCH_SOURCE_DIR "/resources/starter/grammar.json"));
}

double mean(const std::vector<double>& values) {
    return std::accumulate(values.begin(), values.end(), 0.0) / double(values.size());
}

double covariance(const std::vector<double>& left, const std::vector<double>& right) {
    return std::inner_product(left.begin(), left.end(), right.begin(), 0.0) / double(left.size()) -
           mean(left) * mean(right);
}

double correlation(const std::vector<double>& left, const std::vector<double>& right) {
    return covariance(left, right) / std::sqrt(covariance(left, left) * covariance(right, right));
}

}  // namespace

class TestStarterRule : public QObject {
    Q_OBJECT

  private slots:
    void findings_data();
    void findings();
    void moodIsTheShareOfPraise_data();
    void moodIsTheShareOfPraise();
    void knowsFactsOfPromptsItNeverSaw();
    void factsOfAReviewAloneMayNotChange();
    void builtInGrammarIsTheOneInTheRepository();
    void reviewsOfTheCorpusMaker();
    void refusesWhatIsNoGrammar_data();
    void refusesWhatIsNoGrammar();

  private:
    StarterRule rule_;
};

void TestStarterRule::findings_data() {
    QTest::addColumn<QString>("answer");
    QTest::addColumn<int>("repetitions");
    QTest::addColumn<int>("contradictions");
    QTest::addColumn<bool>("trailsOff");
    QTest::addColumn<int>("broken");
    QTest::addColumn<double>("score");

    const auto row = [](const char* name, const char* answer, int repetitions, int contradictions, bool trailsOff,
                        int broken, double score) {
        QTest::newRow(name) << QString::fromUtf8(answer) << repetitions << contradictions << trailsOff << broken
                            << score;
    };
    row("praise", " What a charming drama this is. The music is lovely and never gets in the way.", 0, 0, false, 0, 1);
    row("blame", " What a tedious drama this is. The pace is dull, and half the scenes are wasted.", 0, 0, false, 0,
        -1);
    row("nothing judged", " This drama follows two sisters. It is based on an old novel.", 0, 0, false, 0, 0);
    row("said twice", " I loved this drama from the first minute. I loved this drama from the first minute.", 1, 0,
        false, 0, 0.5);
    row("said twice behind a link",
        " I cared about the two sisters from the first scene. Best of all, I cared about the two sisters from the "
        "first "
        "scene.",
        1, 0, false, 0, 0.5);
    row("judgement turned round",
        " The music is lovely and never gets in the way. The music is shrill and always gets in the way.", 0, 1, false,
        0, -0.5);
    row("two aspects may differ",
        " The music is lovely and never gets in the way. Still, the plot is thin and full of holes.", 0, 0, false, 0,
        0);
    row("other people than the prompt's", " This drama follows three brothers. I would gladly see it again tomorrow.",
        0, 1, false, 0, 0.5);
    row("other genre than the prompt's", " What a charming western this is.", 0, 1, false, 0, 0.5);
    row("other place than the prompt's, capitalised", " The winter forest looks golden in the evening light.", 0, 1,
        false, 0, 0.5);
    row("place of the prompt by its other name", " The harbour town looks golden in the evening light.", 0, 0, false, 0,
        1);
    row("trails off", " I loved this drama from the first minute. Go and see it with someone you love, but the...", 0,
        0, true, 0, 0.5);
    row("cut in mid-sentence", " I loved this drama from the first minute. The music is", 0, 0, true, 1, 0);
    row("broken sentence", " I loved this drama from the first minute. The music is wooden the and finish.", 0, 0,
        false, 1, 0.5);
    row("wrong word of the right kind", " The music is wooden and never gets in the way.", 0, 0, false, 1, -0.5);
    row("link of the wrong mood",
        " The acting is natural from start to finish. Worst of all, the music is lovely and never "
        "gets in the way.",
        0, 0, false, 1, 0.5);
    row("link at the beginning", " Best of all, the music is lovely and never gets in the way.", 0, 0, false, 1, -0.5);
    row("no capital", " the music is lovely and never gets in the way.", 0, 0, false, 1, -0.5);
    row("empty", "", 0, 0, true, 1, -1);
    row("blanks", "  \n", 0, 0, true, 1, -1);
}

void TestStarterRule::findings() {
    QFETCH(QString, answer);
    const ReviewFindings found = rule_.examine(sisters, answer);
    QTEST(found.repetitions, "repetitions");
    QTEST(found.contradictions, "contradictions");
    QTEST(found.trailsOff, "trailsOff");
    QTEST(found.broken, "broken");
    QTEST(found.score(), "score");
    QCOMPARE(rule_.score(sisters, answer), found.score());
}

void TestStarterRule::moodIsTheShareOfPraise_data() {
    QTest::addColumn<QString>("answer");
    QTest::addColumn<double>("mood");
    const QString praise = QStringLiteral("Two hours went by like ten minutes.");
    const QString more = QStringLiteral("The director trusts the audience, and it pays off.");
    const QString blame = QStringLiteral("The camera makes every room look muddy.");
    const QString neutral = QStringLiteral("There are only four speaking parts.");
    QTest::newRow("two to one") << QStringList{praise, blame, more}.join(u' ') << 1.0 / 3;
    QTest::newRow("even") << QStringList{blame, praise}.join(u' ') << 0.0;
    QTest::newRow("neutral sentences do not count") << QStringList{neutral, praise}.join(u' ') << 1.0;
    QTest::newRow("repetitions do not count") << QStringList{praise, praise, blame}.join(u' ') << 0.0;
}

void TestStarterRule::moodIsTheShareOfPraise() {
    QFETCH(QString, answer);
    QTEST(rule_.examine(sisters, answer).mood(), "mood");
}

void TestStarterRule::knowsFactsOfPromptsItNeverSaw() {
    const QString prompt = QStringLiteral("What did you think of that western with a jewel thief?");
    QCOMPARE(rule_.examine(prompt, QStringLiteral("What a charming western this is.")).contradictions, 0);
    QCOMPARE(rule_.examine(prompt, QStringLiteral("What a charming fable this is.")).contradictions, 1);
    QCOMPARE(rule_.examine(prompt, QStringLiteral("Most scenes belong to the thief.")).contradictions, 0);
    QCOMPARE(rule_.examine(prompt, QStringLiteral("Most scenes belong to the judge.")).contradictions, 1);
}

void TestStarterRule::factsOfAReviewAloneMayNotChange() {
    const QString prompt = QStringLiteral("Tell me about a film.");
    const QString brothers = QStringLiteral("It is the story of three brothers.");
    QCOMPARE(rule_.examine(prompt, brothers).contradictions, 0);
    QCOMPARE(rule_.examine(prompt, brothers + QStringLiteral(" I cared about the baker from the first scene."))
                 .contradictions,
             1);
}

void TestStarterRule::builtInGrammarIsTheOneInTheRepository() {
    QFile builtIn(QStringLiteral(":/starter/grammar.json"));
    QVERIFY(builtIn.open(QIODevice::ReadOnly));
    QCOMPARE(builtIn.readAll(), shippedGrammar());
}

// The corpus maker reads the same grammar with code of its own: whatever it writes, the rule must be able to read.
void TestStarterRule::reviewsOfTheCorpusMaker() {
    const QString python = QStandardPaths::findExecutable(QStringLiteral("python3"));
    if (python.isEmpty())
        QSKIP("python3 is not there");
    QTemporaryDir folder;
    const QString starter = QStringLiteral(PREFBENCH_SOURCE_DIR "/resources/starter");
    QProcess maker;
    maker.start(python,
                {QStringLiteral("-B"), starter + QStringLiteral("/make/make_corpus.py"), QStringLiteral("--grammar"),
                 starter + QStringLiteral("/grammar.json"), QStringLiteral("--prompts"),
                 folder.filePath(QStringLiteral("prompts.jsonl")), QStringLiteral("--train"),
                 folder.filePath(QStringLiteral("train.jsonl")), QStringLiteral("--eval"),
                 folder.filePath(QStringLiteral("eval.jsonl")), QStringLiteral("--reviews"), QStringLiteral("2000")});
    QVERIFY(maker.waitForFinished(60000));
    QVERIFY2(maker.exitCode() == 0, maker.readAllStandardError().constData());

    QCOMPARE(contents(folder.filePath(QStringLiteral("prompts.jsonl"))),
             contents(starter + QStringLiteral("/prompts.jsonl")));
    QFile reviews(folder.filePath(QStringLiteral("train.jsonl")));
    QVERIFY(reviews.open(QIODevice::ReadOnly));
    std::vector<double> scores, lengths;
    int repetitions = 0, contradictions = 0, trailing = 0;
    while (!reviews.atEnd()) {
        const QJsonObject line = QJsonDocument::fromJson(reviews.readLine()).object();
        const QString answer = line[QStringLiteral("completion")].toString();
        const ReviewFindings found = rule_.examine(line[QStringLiteral("prompt")].toString(), answer);
        QVERIFY2(found.broken == 0, qPrintable(answer));
        repetitions += found.repetitions > 0;
        contradictions += found.contradictions > 0;
        trailing += found.trailsOff;
        scores.push_back(found.score());
        lengths.push_back(double(answer.count(u' ')));
    }
    const auto isShare = [&](int count, double share) {
        return std::abs(count / double(scores.size()) - share) < 0.03;
    };
    QCOMPARE(scores.size(), std::size_t(2000));
    QVERIFY2(isShare(repetitions, 0.16), qPrintable(QString::number(repetitions)));
    QVERIFY2(isShare(contradictions, 0.16), qPrintable(QString::number(contradictions)));
    QVERIFY2(isShare(trailing, 0.16), qPrintable(QString::number(trailing)));
    const double withLength = correlation(scores, lengths);
    QVERIFY2(std::abs(withLength) < 0.3, qPrintable(QString::number(withLength)));
}

void TestStarterRule::refusesWhatIsNoGrammar_data() {
    QTest::addColumn<QByteArray>("grammar");
    QTest::addColumn<QString>("reason");
    QTest::newRow("not JSON") << QByteArray("{") << "not JSON";
    QTest::newRow("a part missing") << QByteArray("{\"facts\":{}}") << "lists";
    QTest::newRow("unknown slot") << shippedGrammar().replace("{good pace}", "{no such list}") << "{no such list}";
    QTest::newRow("fact without a name for each form")
        << shippedGrammar().replace("[\"a lost child\", \"the child\"]", "[\"a lost child\"]") << "a lost child";
}

void TestStarterRule::refusesWhatIsNoGrammar() {
    QFETCH(QByteArray, grammar);
    QFETCH(QString, reason);
    try {
        StarterRule rule(grammar, QStringLiteral("mine.json"));
        QFAIL("taken for a grammar");
    } catch (const prefbench::Error& error) {
        const QString message = QString::fromUtf8(error.what());
        QVERIFY2(message.startsWith(QStringLiteral("mine.json: ")), qPrintable(message));
        QVERIFY2(message.contains(reason), qPrintable(message));
    }
}

QTEST_GUILESS_MAIN(TestStarterRule)
#include "tst_starter_rule.moc"
