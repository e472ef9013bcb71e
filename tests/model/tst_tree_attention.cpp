#include <QTest>
#include <optional>
#include <vector>

#include "core/model/tree_attention.h"
#include "core/model/tree_kernels.h"

using namespace prefbench;
using model::PrefixTree;
using model::Queries;
using model::TreeAttention;

namespace {

struct Case {
    const char* name;
    std::vector<PrefixTree> trees;
    std::int64_t heads = 4, kvHeads = 4, dim = 32, window = 0;
    bool alibi = false;
};

const std::vector<Case> kCases{
    {"a pair", {{{40, {23, 37}}}}},
    {"whole blocks", {{{32, {16, 48}}}}},
    {"several trees", {{{5, {3, 4}}, {70, {1, 1, 1}}, {17, {}}, {0, {21}}, {1, {2, 90}}}}},
    {"without a prefix", {{{0, {18, 33}}}}},
    {"grouped queries", {{{21, {30, 12}}, {9, {40}}}}, 6, 2},
    {"a window", {{{50, {30, 44}}, {3, {60}}}}, 4, 2, 16, 20},
    {"a window of one", {{{18, {20}}}}, 2, 2, 16, 1},
    {"ALiBi", {{{33, {20, 7}}, {12, {13}}}}, 4, 4, 16, 0, true},
    {"all of it", {{{33, {20, 7}}, {12, {13}}}}, 8, 4, 80, 17, true},
};

struct Inputs {
    at::Tensor queries, keys, values, given;

    static Inputs of(const Case& c, Queries asking) {
        std::int64_t tokens = 0, queries = 0;
        for (const PrefixTree& tree : c.trees) {
            tokens += tree.tokens();
            queries += tree.tokens() - model::firstQuery(tree, asking);
        }
        const auto drawn = [](std::int64_t n, std::int64_t heads, std::int64_t dim) {
            return at::randn({n, heads, dim}, at::kDouble).to(at::kFloat).to(at::kDouble);
        };
        return {drawn(queries, c.heads, c.dim), drawn(tokens, c.kvHeads, c.dim), drawn(tokens, c.kvHeads, c.dim),
                drawn(queries, c.heads, c.dim)};
    }
};

at::Tensor slopesOf(const Case& c) {
    return c.alibi ? model::alibiSlopes(c.heads) : at::Tensor();
}

constexpr double scale = 0.3;

/// Output and the gradients of queries, keys and values.
std::vector<at::Tensor> differentiated(const Case& c, const Inputs& inputs, Queries asking, at::ScalarType type) {
    const TreeAttention attend(c.trees, c.window, slopesOf(c), {.scale = scale});
    std::vector<at::Tensor> leaves;
    for (const at::Tensor& x : {inputs.queries, inputs.keys, inputs.values}) {
        leaves.push_back(x.to(type).clone().requires_grad_());
    }
    const model::DropoutKeys none;
    const at::Tensor out =
        attend(leaves[0], leaves[1], leaves[2], asking, model::Dropout(none, 0, model::DropoutSite::AttentionWeights));
    out.backward(inputs.given.to(type));
    return {out.detach(), leaves[0].grad(), leaves[1].grad(), leaves[2].grad()};
}

/// One tree's output and gradients by one kernel, head of keys by head of keys.
std::vector<at::Tensor> byKernel(const model::TreeKernel& kernel, const Case& c, const Inputs& inputs, Queries asking) {
    const at::Tensor q = inputs.queries.to(at::kFloat), k = inputs.keys.to(at::kFloat),
                     v = inputs.values.to(at::kFloat), given = inputs.given.to(at::kFloat);
    at::Tensor out = at::empty_like(q), dq = at::empty_like(q), dk = at::zeros_like(k), dv = at::zeros_like(v);
    at::Tensor logSums = at::empty({c.heads, q.size(0)});
    const at::Tensor bias =
        c.alibi ? model::alibiBias(slopesOf(c), at::arange(c.trees[0].positions(), at::kLong), scale, at::kFloat)
                : at::Tensor();
    std::vector<float> scratch;
    for (std::int64_t head = 0; head < c.kvHeads; ++head) {
        const std::int64_t group = c.heads / c.kvHeads, query = head * group * c.dim, key = head * c.dim;
        model::TreeHead h;
        h.tokens = c.trees[0].tokens();
        h.prefix = c.trees[0].prefix;
        h.branches = c.trees[0].branches;
        h.firstQuery = model::firstQuery(c.trees[0], asking);
        h.queryHeads = group;
        h.dim = c.dim;
        h.window = c.window;
        h.scale = static_cast<float>(scale);
        if (bias.defined()) {
            h.bias = bias.const_data_ptr<float>() + head * group * bias.size(2);
            h.biasStride = bias.size(2);
        }
        h.queries = q.const_data_ptr<float>() + query;
        h.keys = k.const_data_ptr<float>() + key;
        h.values = v.const_data_ptr<float>() + key;
        h.outputs = out.mutable_data_ptr<float>() + query;
        h.queryStride = h.outputStride = q.stride(0);
        h.keyStride = h.valueStride = k.stride(0);
        h.logSums = logSums.mutable_data_ptr<float>() + head * group * q.size(0);
        h.logStride = q.size(0);
        kernel.attend(h, scratch);
        model::TreeHeadGradients g;
        g.outputs = given.const_data_ptr<float>() + query;
        g.queries = dq.mutable_data_ptr<float>() + query;
        g.keys = dk.mutable_data_ptr<float>() + key;
        g.values = dv.mutable_data_ptr<float>() + key;
        g.outputStride = g.queryStride = q.stride(0);
        g.keyStride = g.valueStride = k.stride(0);
        kernel.differentiate(h, g, scratch);
    }
    return {out, dq, dk, dv};
}

double relativeError(const at::Tensor& found, const at::Tensor& expected) {
    // Through a softmax of one key there is no gradient.
    return ((found.to(at::kDouble) - expected).norm() / expected.norm().clamp_min(10)).item<double>();
}

}  // namespace

/// The attention of packed trees without matrices of scores, against the plain one in float64.
class TestTreeAttention : public QObject {
    Q_OBJECT

    void compare(const std::vector<at::Tensor>& found, const std::vector<at::Tensor>& expected) {
        const std::array names{"outputs", "queries", "keys", "values"};
        for (std::size_t i = 0; i < names.size(); ++i) {
            const double error = relativeError(found[i], expected[i]);
            QVERIFY2(error < 2e-6, qPrintable(QStringLiteral("%1: %2").arg(names[i]).arg(error)));
        }
    }

  private Q_SLOTS:
    void init() { torch::manual_seed(11); }

    void asTheMaskedAttentionInDoublePrecision_data() {
        QTest::addColumn<int>("number");
        QTest::addColumn<bool>("all");
        for (std::size_t i = 0; i < kCases.size(); ++i) {
            QTest::addRow("%s", kCases[i].name) << int(i) << true;
            QTest::addRow("%s, predicting tokens", kCases[i].name) << int(i) << false;
        }
    }

    void asTheMaskedAttentionInDoublePrecision() {
        QFETCH(int, number);
        QFETCH(bool, all);
        const Case& c = kCases[static_cast<std::size_t>(number)];
        const Queries asking = all ? Queries::All : Queries::Predicting;
        QVERIFY(model::attendsWithoutScores(c.dim, {}, at::kFloat) &&
                !model::attendsWithoutScores(c.dim, {}, at::kDouble));
        const Inputs inputs = Inputs::of(c, asking);
        const auto expected = differentiated(c, inputs, asking, at::kDouble);
        compare(differentiated(c, inputs, asking, at::kFloat), expected);
        if (c.trees.size() == 1) {
            for (const model::TreeKernel& kernel : model::treeKernels()) {
                compare(byKernel(kernel, c, inputs, asking), expected);
            }
        }
    }

    void askingTokensGetWhatTheyGetAmongAll() {
        for (const at::ScalarType type : {at::kFloat, at::kDouble}) {
            const Case& c = kCases[2];
            const Inputs inputs = Inputs::of(c, Queries::All);
            const auto all = differentiated(c, inputs, Queries::All, type);
            std::vector<at::Tensor> queries, outputs;
            std::int64_t begin = 0;
            for (const PrefixTree& tree : c.trees) {
                const std::int64_t first = model::firstQuery(tree, Queries::Predicting), rest = tree.tokens() - first;
                queries.push_back(inputs.queries.narrow(0, begin + first, rest));
                outputs.push_back(all[0].narrow(0, begin + first, rest));
                begin += tree.tokens();
            }
            Inputs some = inputs;
            some.queries = at::cat(queries);
            some.given = at::ones_like(some.queries);
            const auto found = differentiated(c, some, Queries::Predicting, type);
            if (type == at::kFloat) {
                QVERIFY(found[0].equal(at::cat(outputs)));  // bit for bit: a lane knows nothing of its neighbours
            } else {
                QVERIFY(relativeError(found[0], at::cat(outputs)) < 1e-14);
            }
        }
    }

    void aTreeGetsTheSameBitsInAnyCompany() {
        const Case together = kCases[2];
        const Inputs inputs = Inputs::of(together, Queries::All);
        const auto all = differentiated(together, inputs, Queries::All, at::kFloat);
        std::int64_t begin = 0;
        for (const PrefixTree& tree : together.trees) {
            Case alone = together;
            alone.trees = {tree};
            const auto part = [&](const at::Tensor& x) { return x.narrow(0, begin, tree.tokens()); };
            const Inputs its{part(inputs.queries), part(inputs.keys), part(inputs.values), part(inputs.given)};
            const auto found = differentiated(alone, its, Queries::All, at::kFloat);
            for (std::size_t i = 0; i < found.size(); ++i) {
                QVERIFY(found[i].equal(part(all[i])));
            }
            begin += tree.tokens();
        }
    }

    void whatABranchSeesIsNotItsSibling() {
        Case c = kCases[0];
        Inputs inputs = Inputs::of(c, Queries::All);
        const at::Tensor before = differentiated(c, inputs, Queries::All, at::kFloat)[0];
        inputs.values.narrow(0, 40, 23).fill_(1e30);  // of the first branch
        const at::Tensor after = differentiated(c, inputs, Queries::All, at::kFloat)[0];
        QVERIFY(after.narrow(0, 0, 40).equal(before.narrow(0, 0, 40)));
        QVERIFY(after.narrow(0, 63, 37).equal(before.narrow(0, 63, 37)));
        QVERIFY(!after.narrow(0, 40, 23).equal(before.narrow(0, 40, 23)));
    }

    void notANumberStaysOne() {
        Case c = kCases[0];
        Inputs inputs = Inputs::of(c, Queries::All);
        inputs.keys[3][0][0] = std::numeric_limits<double>::quiet_NaN();
        const at::Tensor out = differentiated(c, inputs, Queries::All, at::kFloat)[0];
        QVERIFY(out[3].isnan().any().item<bool>() && out[99].isnan().any().item<bool>());
        QVERIFY(!out.narrow(0, 0, 3).isnan().any().item<bool>());
    }
};

QTEST_GUILESS_MAIN(TestTreeAttention)
#include "tst_tree_attention.moc"
