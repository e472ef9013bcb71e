#include <QPainter>
#include <QTest>

#include "ui/widgets/active_clock.h"
#include "ui/widgets/icon.h"
#include "ui/widgets/reading_text.h"
#include "ui/widgets/text_difference.h"
#include "ui/widgets/theme.h"

using namespace prefbench::widgets;

namespace {

QPalette darkPalette() {
    QPalette palette(QColor(0x2b, 0x2b, 0x2b));
    palette.setColor(QPalette::Window, QColor(0x25, 0x26, 0x28));
    palette.setColor(QPalette::Base, QColor(0x1d, 0x1e, 0x20));
    palette.setColor(QPalette::WindowText, QColor(0xe6, 0xe6, 0xe6));
    palette.setColor(QPalette::Text, QColor(0xe6, 0xe6, 0xe6));
    return palette;
}

QStringList texts(const QString& text, const QList<TextRange>& ranges) {
    QStringList words;
    for (const TextRange& range : ranges) {
        words << text.mid(range.start, range.length);
    }
    return words;
}

}  // namespace

class TestWidgets : public QObject {
    Q_OBJECT

  private slots:
    void commonBeginningEndsAtAWord_data();
    void commonBeginningEndsAtAWord();
    void differencesAreWords();
    void differencesOfHugeTextsStayCheap();
    void mutedTextIsReadable_data();
    void mutedTextIsReadable();
    void iconsFollowThePalette();
    void readingTextKeepsAReadableColumn();
};

void TestWidgets::commonBeginningEndsAtAWord_data() {
    QTest::addColumn<QString>("left");
    QTest::addColumn<QString>("right");
    QTest::addColumn<QString>("common");
    QTest::newRow("nothing") << "a"
                             << "b"
                             << "";
    QTest::newRow("part of a word") << "The film was great"
                                    << "The film was grim"
                                    << "The film was ";
    QTest::newRow("one ends there") << "The film"
                                    << "The film was"
                                    << "The film";
    QTest::newRow("one ends in a word") << "The film"
                                        << "The filmed"
                                        << "The ";
    QTest::newRow("equal") << "same text"
                           << "same text"
                           << "same text";
    QTest::newRow("empty") << ""
                           << "something"
                           << "";
}

void TestWidgets::commonBeginningEndsAtAWord() {
    QFETCH(QString, left);
    QFETCH(QString, right);
    QFETCH(QString, common);
    QCOMPARE(left.left(commonBeginning(left, right)), common);
    QCOMPARE(right.left(commonBeginning(right, left)), common);
}

void TestWidgets::differencesAreWords() {
    const QString left = QStringLiteral("The plot is thin but the cast shines");
    const QString right = QStringLiteral("The plot is rich and the cast shines brightly");
    const TextDifference found = differences(left, right);
    QCOMPARE(texts(left, found.left), QStringList({"thin", "but"}));
    QCOMPARE(texts(right, found.right), QStringList({"rich", "and", "brightly"}));
    QVERIFY(differences(left, left).left.isEmpty());
}

void TestWidgets::differencesOfHugeTextsStayCheap() {
    const QString left = QStringLiteral("a b ").repeated(4000) + QStringLiteral("end");
    const QString right = QStringLiteral("b c ").repeated(4000) + QStringLiteral("end");
    const TextDifference found = differences(left, right);
    QCOMPARE(found.left.size(), 8000);
    QCOMPARE(found.right.size(), 8000);
}

void TestWidgets::mutedTextIsReadable_data() {
    QTest::addColumn<QPalette>("palette");
    QTest::newRow("light") << QPalette(QColor(0xef, 0xef, 0xef));
    QTest::newRow("dark") << darkPalette();
}

void TestWidgets::mutedTextIsReadable() {
    QFETCH(QPalette, palette);
    QVERIFY(contrast(mutedText(palette), palette.color(QPalette::Window)) >= 4.5);
    for (const Series series : {Series::Chosen, Series::Rejected, Series::Margin, Series::Guide}) {
        QVERIFY(contrast(seriesColour(series, palette), palette.color(QPalette::Base)) >= 3.0);
    }
}

void TestWidgets::iconsFollowThePalette() {
    const QPalette before = QApplication::palette();
    const auto brightest = [] {
        const QImage image = icon(QStringLiteral("label")).pixmap(48, 48).toImage();
        int most = -1;
        for (int y = 0; y < image.height(); ++y) {
            for (int x = 0; x < image.width(); ++x) {
                if (qAlpha(image.pixel(x, y)) > 200) {
                    most = std::max(most, qGray(image.pixel(x, y)));
                }
            }
        }
        return most;
    };
    QPalette light(QColor(0xef, 0xef, 0xef));
    light.setColor(QPalette::WindowText, Qt::black);
    QApplication::setPalette(light);
    const int onLight = brightest();
    QApplication::setPalette(darkPalette());
    const int onDark = brightest();
    QApplication::setPalette(before);
    QVERIFY(onLight >= 0 && onLight < 64);
    QVERIFY(onDark > 192);
    QVERIFY(icon(QStringLiteral("no such icon")).isNull());
}

void TestWidgets::readingTextKeepsAReadableColumn() {
    ReadingText text;
    text.resize(3000, 400);
    text.setReading(QStringLiteral("word ").repeated(400));
    text.show();
    const int wide = text.viewport()->width();
    QVERIFY2(wide < 60 * em(&text), qPrintable(QString::number(wide)));
    text.setScale(2);
    QVERIFY(text.viewport()->width() > wide);
}

QTEST_MAIN(TestWidgets)
#include "tst_widgets.moc"
