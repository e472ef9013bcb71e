#pragma once

#include <QObject>
#include <QPointer>
#include <QProcess>
#include <QString>

#include "core/contract/messages.h"

namespace prefbench::jobs {

/// Asks the engine what a model reads of a prompt: the text and its tokens. The model's weights are not loaded, so it
/// is quick for any model. No call waits for the engine. Lives on the thread that made it.
class PromptReader : public QObject {
    Q_OBJECT
  public:
    explicit PromptReader(QObject* parent = nullptr);
    ~PromptReader() override;

    /// `finished` or `failed` follows, unless another read or stop() comes before it.
    void read(const QString& modelFolder, const contract::Passage& prompt);
    void stop();

  Q_SIGNALS:
    void finished(const prefbench::contract::Rendering& rendering);
    /// One line: engine missing or crashed, model without a chat template, prompt that its template refuses.
    void failed(const QString& message);

  private:
    void take(QProcess& process);

    QPointer<QProcess> process_;  ///< the read under way
};

}  // namespace prefbench::jobs
