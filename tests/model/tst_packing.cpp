#include <QTest>
#include "core/model/transformer.h"
using namespace prefbench::model;

class TestPacking : public QObject {
    Q_OBJECT
  private Q_SLOTS:
    void positionsRestartAtThePrefix() {
        const PackedBatch batch = PackedBatch::pack({{{5, 6}, {{7}, {8, 9}}}, {{}, {{1, 2}}}}, at::kCPU);
        QVERIFY(batch.tokens.equal(at::tensor({5, 6, 7, 8, 9, 1, 2}, at::kLong)));
        QVERIFY(batch.positions.equal(at::tensor({0, 1, 2, 2, 3, 0, 1}, at::kLong)));
        QCOMPARE(batch.trees.size(), std::size_t(2));
        QCOMPARE(batch.trees[0].prefix, std::int64_t(2));
        QCOMPARE(batch.trees[0].branches, (std::vector<std::int64_t>{1, 2}));
    }
};

QTEST_GUILESS_MAIN(TestPacking)
#include "tst_packing.moc"
