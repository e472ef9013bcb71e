#include <QTest>
#include <set>

#include "core/sampling/philox.h"

using namespace prefbench::sampling;

class TestPhilox : public QObject {
    Q_OBJECT
  private Q_SLOTS:
    /// The known-answer vectors published with Random123 (kat_vectors, philox4x32 10).
    void knownAnswers() {
        QVERIFY((philox4x32({0, 0, 0, 0}, {0, 0}) == PhiloxCounter{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
        constexpr std::uint32_t ones = 0xffffffff;
        QVERIFY((philox4x32({ones, ones, ones, ones}, {ones, ones}) ==
                 PhiloxCounter{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
        QVERIFY((philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
                 PhiloxCounter{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
    }

    void everyArgumentMatters() {
        const std::set<double> draws{uniform(1, 2, 3, 4),
                                     uniform(2, 2, 3, 4),
                                     uniform(1 + (std::uint64_t{1} << 40), 2, 3, 4),
                                     uniform(1, 3, 3, 4),
                                     uniform(1, 2 + (std::uint64_t{1} << 40), 3, 4),
                                     uniform(1, 2, 4, 4),
                                     uniform(1, 2, 3, 5)};
        QCOMPARE(draws.size(), std::size_t(7));
        QCOMPARE(uniform(1, 2, 3, 4), uniform(1, 2, 3, 4));
    }

    void uniformIsUniform() {
        constexpr int count = 100000;
        std::array<int, 10> bins{};
        double sum = 0;
        for (int i = 0; i < count; ++i) {
            const double u = uniform(7, 11, 0, static_cast<std::uint32_t>(i));
            QVERIFY(u >= 0 && u < 1);
            sum += u;
            ++bins[static_cast<std::size_t>(u * 10)];
        }
        QVERIFY(std::abs(sum / count - 0.5) < 0.005);  // 5 standard errors
        for (const int bin : bins) {
            QVERIFY(std::abs(bin - count / 10) < 500);
        }
    }
};

QTEST_GUILESS_MAIN(TestPhilox)
#include "tst_philox.moc"
