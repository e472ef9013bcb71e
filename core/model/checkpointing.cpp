#include "core/model/checkpointing.h"

#include <utility>

namespace prefbench::model {
namespace {

struct KeptBlock : torch::CustomClassHolder {
    explicit KeptBlock(Recomputable given) : block(std::move(given)) {}
    Recomputable block;
};

class Checkpointed : public torch::autograd::Function<Checkpointed> {
  public:
    static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x,
                              const Recomputable& block) {
        context->save_for_backward({x});
        context->saved_data["block"] = c10::IValue::make_capsule(c10::make_intrusive<KeptBlock>(block));
        // What the pass without checkpointing computes, since kernels may differ where no gradients are wanted; its
        // graph goes at once.
        const at::AutoGradMode gradients(true);
        return block(x.detach().requires_grad_()).variable_data();
    }

    static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                   const torch::autograd::variable_list& gradients) {
        const at::AutoGradMode on(true);
        const at::Tensor x = context->get_saved_variables()[0].detach().requires_grad_();
        const auto kept = context->saved_data["block"].toCapsule();
        static_cast<const KeptBlock&>(*kept).block(x).backward(gradients[0]);
        return {x.grad(), at::Tensor()};
    }
};

}  // namespace

at::Tensor checkpointed(const Recomputable& block, const at::Tensor& x) {
    // A block over frozen embeddings still has leaves of its own: its result must have gradients.
    return Checkpointed::apply(x.requires_grad() ? x : x.detach().requires_grad_(), block);
}

}  // namespace prefbench::model
