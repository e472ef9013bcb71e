#include <QTest>
#include <algorithm>
#include <cmath>
#include <map>

#include "core/files/error.h"
#include "core/model/log_probs.h"
#include "core/sampling/batch_generator.h"
#include "core/sampling/processors.h"
#include "tests/support/expect_error.h"
#include "tests/support/golden_cases.h"

using namespace prefbench;
using namespace prefbench::sampling;
using contract::FinishReason;
using contract::SamplingSettings;
using Ids = std::vector<text::TokenId>;
using SampleKey = std::pair<std::int64_t, std::int64_t>;

namespace {

std::map<SampleKey, Sample> collect(const model::Transformer& model, const text::Tokenizer& tokenizer,
                                    const std::vector<Ids>& prompts, const SamplingSettings& settings) {
    std::map<SampleKey, Sample> samples;
    generate(model, tokenizer, prompts, settings, {.onToken = {}, .onSample = [&](const Sample& sample) {
                                                       samples[{sample.prompt, sample.index}] = sample;
                                                   }});
    return samples;
}

}  // namespace

class TestGenerator : public QObject {
    Q_OBJECT

  private Q_SLOTS:
    void initTestCase() {
        const std::filesystem::path folder = std::filesystem::path(PREFBENCH_GOLDEN_DEFAULT) / "models" / "gpt2";
        tokenizer_ = text::Tokenizer::load(folder);
        model_.emplace(model::Transformer::load(files::openModelFolder(folder), at::kCPU, at::kDouble));
        for (std::int64_t i = 0; i < 40; ++i) {
            prompts_.push_back({});
            for (std::int64_t j = 0; j <= i % 7; ++j) {
                prompts_.back().push_back((i * 31 + j * 7) % 500);
            }
        }
    }

    /// More rows than fit at once, of different lengths: each sample must be as if drawn alone.
    void samplesDoNotDependOnTheBatch() {
        SamplingSettings settings;
        settings.samples = 6;
        settings.maxNewTokens = 30;
        settings.temperature = 0.9;
        settings.topK = 100;
        settings.topP = 0.95;
        settings.repetitionPenalty = 1.2;
        settings.minNewTokens = 5;
        settings.seed = 5;
        const auto together = collect(*model_, *tokenizer_, prompts_, settings);
        QCOMPARE(together.size(), prompts_.size() * 6);
        for (const std::size_t prompt : {std::size_t(0), std::size_t(5), std::size_t(39)}) {
            const auto alone = collect(*model_, *tokenizer_, {prompts_[prompt]}, settings);
            for (std::int64_t index = 0; index < 6; ++index) {
                const Sample& a = together.at({static_cast<std::int64_t>(prompt), index});
                const Sample& b = alone.at({0, index});
                QCOMPARE(a.ids, b.ids);
                QCOMPARE(a.text, b.text);
                QVERIFY(a.finishReason == b.finishReason);
                QVERIFY(std::abs(a.logProbability - b.logProbability) < 1e-9);
            }
        }
    }

    void moreSamplesThanRows() {
        SamplingSettings settings;
        settings.samples = 300;
        settings.maxNewTokens = 4;
        const auto samples = collect(*model_, *tokenizer_, {prompts_[3]}, settings);
        QCOMPARE(samples.size(), std::size_t(300));
        settings.samples = 3;
        const auto few = collect(*model_, *tokenizer_, {prompts_[3]}, settings);
        for (std::int64_t index = 0; index < 3; ++index) {
            QCOMPARE(samples.at({0, index}).ids, few.at({0, index}).ids);
        }
    }

    void seedsAndSamplesDiffer() {
        SamplingSettings settings;
        settings.samples = 4;
        settings.maxNewTokens = 12;
        const auto first = collect(*model_, *tokenizer_, {prompts_[2]}, settings);
        QVERIFY(first.at({0, 0}).ids != first.at({0, 1}).ids);
        settings.seed = 1;
        const auto second = collect(*model_, *tokenizer_, {prompts_[2]}, settings);
        QVERIFY(first.at({0, 0}).ids != second.at({0, 0}).ids);
    }

    /// The log-probability reported is the model's own, whatever the settings did to the logits.
    void logProbabilityIsTheModels() {
        SamplingSettings settings;
        settings.samples = 2;
        settings.maxNewTokens = 10;
        settings.temperature = 0.5;
        settings.topK = 5;
        for (const auto& [key, sample] : collect(*model_, *tokenizer_, {prompts_[4], prompts_[6]}, settings)) {
            Ids completion = sample.ids;
            if (sample.finishReason == FinishReason::Stop) {
                completion.push_back(model_->architecture().eosIds.front());
            }
            const at::NoGradGuard noGrad;
            const auto batch = model::PackedBatch::pack({{prompts_[key.first == 0 ? 4 : 6], {completion}}}, at::kCPU);
            const double expected = sumByBranch(branchTokenLogProbs(*model_, batch), batch)[0].item<double>();
            QVERIFY(std::abs(sample.logProbability - expected) < 1e-9);
        }
    }

    void greedyFollowsTheLikeliestToken() {
        SamplingSettings settings;
        settings.temperature = 0;
        settings.maxNewTokens = 8;
        const Ids prompt = prompts_[6];
        const Sample sample = collect(*model_, *tokenizer_, {prompt}, settings).at({0, 0});
        Ids all = prompt;
        const at::NoGradGuard noGrad;
        for (const text::TokenId id : sample.ids) {
            const at::Tensor hidden = model_->forward(model::PackedBatch::pack({{all, {}}}, at::kCPU));
            QCOMPARE(id, model_->logits(hidden)[-1].argmax().item<std::int64_t>());
            all.push_back(id);
        }
        QCOMPARE(sample.ids.size(), std::size_t(8));
        QVERIFY(sample.finishReason == FinishReason::Length);
    }

    void streamedTextIsTheCompletion() {
        SamplingSettings settings;
        settings.samples = 3;
        settings.maxNewTokens = 20;
        std::map<std::int64_t, std::string> streamed;
        generate(*model_, *tokenizer_, {prompts_[1]}, settings,
                 {.onToken =
                      [&](std::int64_t, std::int64_t index, const std::string& text) {
                          streamed[index] += text;
                          return true;
                      },
                  .onSample = [&](const Sample& sample) { QCOMPARE(streamed[sample.index], sample.text); }});
        QCOMPARE(streamed.size(), std::size_t(3));
    }

    void stopsAtTheEndToken() {
        SamplingSettings settings;
        settings.samples = 200;
        settings.maxNewTokens = 60;
        settings.temperature = 5;  // nearly even over 520 tokens: about one sample in nine ends
        const text::TokenId end = model_->architecture().eosIds.front();
        int stopped = 0;
        for (const auto& [key, sample] : collect(*model_, *tokenizer_, {prompts_[0]}, settings)) {
            QVERIFY(std::find(sample.ids.begin(), sample.ids.end(), end) == sample.ids.end());
            stopped += sample.finishReason == FinishReason::Stop;
            QVERIFY(sample.finishReason == FinishReason::Stop || sample.ids.size() == 60);
        }
        QVERIFY(stopped > 0);
    }

    void noEndBeforeMinNewTokens() {
        SamplingSettings settings;
        settings.samples = 200;
        settings.maxNewTokens = 60;
        settings.minNewTokens = 40;
        settings.temperature = 5;
        int stopped = 0;
        for (const auto& [key, sample] : collect(*model_, *tokenizer_, {prompts_[0]}, settings)) {
            QVERIFY(sample.ids.size() >= 40);
            stopped += sample.finishReason == FinishReason::Stop;
        }
        QVERIFY(stopped > 0);
    }

    void noIdTwiceWithoutRepeatedUnigrams() {
        SamplingSettings settings;
        settings.temperature = 0;
        settings.maxNewTokens = 30;
        settings.noRepeatNgramSize = 1;
        Ids all = prompts_[6];
        const Sample sample = collect(*model_, *tokenizer_, {all}, settings).at({0, 0});
        all.insert(all.end(), sample.ids.begin(), sample.ids.end());
        std::sort(all.begin(), all.end());
        QVERIFY(std::adjacent_find(all.begin(), all.end()) == all.end());
    }

    /// Wherever in the text it stands, and however its bytes fall into tokens.
    void stopTextEndsTheCompletionBeforeIt() {
        SamplingSettings settings;
        settings.temperature = 0;
        settings.maxNewTokens = 30;
        const std::string whole = collect(*model_, *tokenizer_, {prompts_[6]}, settings).at({0, 0}).text;
        for (std::size_t begin = 1; begin + 3 < whole.size(); begin += 4) {
            settings.stop = {"never there", whole.substr(begin, 3)};
            const auto insideCharacter = [&](std::size_t place) { return (whole[place] & 0xC0) == 0x80; };
            if (insideCharacter(begin) || insideCharacter(begin + 3)) {
                continue;
            }
            std::string streamed;
            Sample stopped;
            generate(*model_, *tokenizer_, {prompts_[6]}, settings,
                     {.onToken =
                          [&](std::int64_t, std::int64_t, const std::string& text) {
                              streamed += text;
                              return true;
                          },
                      .onSample = [&](const Sample& sample) { stopped = sample; }});
            QCOMPARE(stopped.text, whole.substr(0, whole.find(settings.stop[1])));
            QCOMPARE(streamed, stopped.text);
            QVERIFY(stopped.finishReason == FinishReason::Stop);
        }
    }

    void endsAtTheModelsLastPosition() {
        SamplingSettings settings;
        settings.maxNewTokens = 1000;
        settings.temperature = 0;
        const Ids prompt(120, 7);
        const Sample sample = collect(*model_, *tokenizer_, {prompt}, settings).at({0, 0});
        QCOMPARE(sample.ids.size(), std::size_t(8));  // 128 positions
        QVERIFY(sample.finishReason == FinishReason::Length);
    }

    void returningFalseEndsThatSample() {
        SamplingSettings settings;
        settings.samples = 2;
        settings.maxNewTokens = 10;
        settings.temperature = 0;
        std::map<std::int64_t, Sample> samples;
        int tokens = 0;
        generate(*model_, *tokenizer_, {prompts_[6]}, settings,
                 {.onToken = [&](std::int64_t, std::int64_t index,
                                 const std::string&) { return index != 0 || ++tokens < 3; },
                  .onSample = [&](const Sample& sample) { samples[sample.index] = sample; }});
        QVERIFY(samples.at(0).finishReason == FinishReason::Cancelled);
        QCOMPARE(samples.at(0).ids.size(), std::size_t(3));
        QVERIFY(samples.at(1).finishReason == FinishReason::Length);
        QCOMPARE(samples.at(1).ids.size(), std::size_t(10));
    }

    void logitsThatAreNotFiniteAreAnError() {
        const std::filesystem::path folder = std::filesystem::path(PREFBENCH_GOLDEN_DEFAULT) / "models" / "gpt2";
        const auto broken = model::Transformer::load(files::openModelFolder(folder), at::kCPU, at::kFloat).clone();
        broken.parameters().front().value.fill_(std::nan(""));
        for (const double temperature : {0.0, 1.0}) {
            SamplingSettings settings;
            settings.temperature = temperature;
            EXPECT_ERROR(collect(broken, *tokenizer_, {prompts_[6]}, settings), "logits are not finite");
        }
    }

    void cancelledRequestReportsEverySample() {
        std::vector<Sample> samples;
        BatchGenerator batch(*model_, *tokenizer_,
                             {.onToken = {}, .onSample = [&](const Sample& sample) { samples.push_back(sample); }});
        SamplingSettings settings;
        settings.samples = 500;
        settings.maxNewTokens = 100;
        settings.temperature = 0;
        const std::int64_t cancelled = batch.add(prompts_[6], settings);
        settings.samples = 1;
        settings.maxNewTokens = 5;
        const std::int64_t other = batch.add(prompts_[5], settings);
        QVERIFY(batch.step());
        QVERIFY(batch.step());
        batch.cancel(cancelled);
        batch.cancel(cancelled);
        batch.cancel(12345);
        QCOMPARE(samples.size(), std::size_t(500));
        while (batch.step()) {
        }
        QCOMPARE(samples.size(), std::size_t(501));
        QCOMPARE(samples.back().prompt, other);
        QCOMPARE(samples.back().ids.size(), std::size_t(5));
        QVERIFY(samples.front().finishReason == FinishReason::Cancelled);
        QVERIFY(!batch.step());
    }

    void badRequestsAreRefused() {
        BatchGenerator batch(*model_, *tokenizer_, {});
        SamplingSettings settings;
        QVERIFY_EXCEPTION_THROWN(batch.add({}, settings), Error);
        QVERIFY_EXCEPTION_THROWN(batch.add({520}, settings), Error);
        QVERIFY_EXCEPTION_THROWN(batch.add({-1}, settings), Error);
        QVERIFY_EXCEPTION_THROWN(batch.add(Ids(128, 1), settings), Error);
        settings.topP = 0;
        QVERIFY_EXCEPTION_THROWN(batch.add({1}, settings), Error);
        QVERIFY(!batch.step());
    }

    /// Frequencies of 20,000 draws against the probabilities, and nothing that was removed.
    void drawsFollowTheProbabilities() {
        const at::Tensor logits = at::tensor({1.0, -INFINITY, 0.0, 2.0, -INFINITY}, at::kFloat);
        constexpr std::int64_t count = 20000;
        std::vector<double> uniforms;
        for (std::int64_t i = 0; i < count; ++i) {
            uniforms.push_back((static_cast<double>(i) + 0.5) / count);
        }
        const at::Tensor drawn = drawTokens(logits.expand({count, 5}).contiguous(), at::tensor(uniforms, at::kDouble));
        const at::Tensor frequencies = drawn.bincount({}, 5).to(at::kDouble) / static_cast<double>(count);
        QVERIFY((frequencies - logits.softmax(0)).abs().max().item<double>() < 1e-4);
        const at::Tensor edges =
            drawTokens(logits.expand({2, 5}).contiguous(), at::tensor({0.0, 1 - 0x1p-52}, at::kDouble));
        QVERIFY(edges.equal(at::tensor({0, 3}, at::kLong)));
    }

  private:
    std::shared_ptr<const text::Tokenizer> tokenizer_;
    std::optional<model::Transformer> model_;
    std::vector<Ids> prompts_;
};

QTEST_GUILESS_MAIN(TestGenerator)
#include "tst_generator.moc"
