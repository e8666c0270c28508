"""One table of words and phrases that mean the same to the search, in both languages and in other libraries' spelling."""

from __future__ import annotations

from typing import Final

IGNORED: Final = frozenset(
    # batch norm itself: every card is about it
    "batchnorm batchnorm1d batchnorm2d batchnorm3d batchnormalization batchnorms bn bnorm norm norms normalization normalisation "
    "normalize normalise normalized normalizing normalizzation nn torch pytorch layer layers network networks model models net "
    # words that carry no symptom
    "a about after all also although always am an and any are as at be been before being below between both but by can cannot "
    "could did didn do does doesn doing don done each either else ever every few for from get gets getting give gives go goes got "
    "had has have having he help hello hi how however i if in instead into is isn it its just know like made make makes many may "
    "me might more most much must my need needed needs no nor not now of off often on once one only or other our out over own "
    "please possible put question questions really regarding s same say see seem seems shall she should shouldn since so some "
    "something still such take t than that the their them then there these they thing this those though through thus to too try "
    "under until up use used uses using usual ve very want was wasn way we well were what when where whether which while who why "
    "will with within without wonder won would wouldn wrong yes yet you your "
    # of tracebacks
    "file line traceback recent call last home user lib python python3 site packages module modules self return forward call impl "
    "input inputs args kwargs py raise error exception main tools package".split()
)
"""Words that are left out of queries; the cards' own words keep them where a phrase below contains them."""

SYNONYMS: Final[tuple[tuple[str, ...], ...]] = (
    # modes
    ("eval", "model.eval", "evaluation", "evaluate", "evaluating", "inference", "infer", "test mode", "testing mode",
     "testing phase", "test time", "at test", "prediction mode", "评估", "推理", "测试时", "预测时", "eval 模式"),
    ("train and eval", "train() and eval()", "train vs eval", "train and eval modes", "eval() not giving the same results",
     "behaves different", "behaving differently", "training and inference", "train and test", "model.train() and model.eval()",
     "without eval", "eval() turned off", "turned off eval", "训练和推理", "训练与推理", "训练和测试", "训练与测试", "训练和评估",
     "推理结果不同", "推理结果不一致", "测试结果不一致", "推理变差", "验证集变差", "关掉 eval"),
    ("different output", "different outputs", "different result", "different results", "inconsistent", "not the same result",
     "same results", "results differ", "outputs differ", "not reproducible", "结果不同", "结果不一致", "输出不同", "不可复现"),
    ("depends on batch size", "depend on batch size", "dependent on the batch size", "depending of the size of the batch",
     "changed by batch size", "batch size changes", "different batch size", "different batch sizes", "different batchsize",
     "influence the inference", "批大小不同", "与批大小有关", "结果随批大小", "换批大小"),
    ("slightly different", "tiny difference", "different precision", "small difference", "numerical difference", "细微差别",
     "微小差异", "略有不同", "精度误差"),
    # sizes
    ("batch of one", "batch of 1", "batch size 1", "batch size of 1", "batch_size=1", "batchsize 1", "batch size = 1", "bs=1",
     "single batch", "single sample", "one sample", "size 1", "批大小为 1", "批大小为1", "批大小 1", "批量为1", "单个样本", "batch 为 1"),
    ("small batch", "small batches", "smaller batch", "small batch size", "smaller batch size", "tiny batch", "batch size 2",
     "batch of 2", "batches of 2", "小批量", "批大小为 2", "批大小为2", "批大小太小", "批太小", "显存不够"),
    ("group norm", "groupnorm", "group normalization", "group normalisation", "gn", "组归一化"),
    ("layer norm", "layernorm", "layer normalization", "ln", "层归一化"),
    ("instance norm", "instancenorm", "instancenorm1d", "instancenorm2d", "instancenorm3d", "instance normalization",
     "实例归一化"),
    ("spatial element", "spatial elements", "spatial dimension", "elements == 1", "1x1", "1×1"),
    # statistics
    ("running statistics", "running stats", "running stat", "running mean", "running var", "running_mean", "running_var",
     "running_val", "running variance", "moving mean", "moving variance", "moving average", "moving averages", "moving_mean",
     "moving_variance", "global stats", "运行统计量", "运行均值", "运行方差", "滑动平均", "移动平均"),
    ("not updated", "never updated", "aren't updated", "never run", "unable to update", "updating moving", "update ops",
     "update_ops", "updates_collections", "moving_mean=0", "moving_variance=1", "stay at 0", "没有更新", "不更新", "未更新"),
    ("momentum", "bn_momentum", "batch_norm_momentum", "decay rate of the moving average", "动量"),
    ("momentum 0", "momentum=0", "momentum=0.0", "momentum set to 0", "momentum zero", "动量为 0", "动量为0"),
    ("1 - momentum", "1-momentum", "1 - batch_norm_momentum", "momentum is incorrect", "momentum convention",
     "meaning of momentum", "动量的含义", "动量含义"),
    ("freeze", "frozen", "freezing", "freezed", "freeze_bn", "fix bn", "requires_grad", "trainable=false", "冻结"),
    ("fine-tuning", "fine tuning", "finetuning", "finetune", "fine-tune", "fine tune", "finetunning", "transfer learning", "微调",
     "迁移学习"),
    ("nan", "nans", "not a number", "nan loss", "非数"),
    ("checkpointing", "gradient checkpoint", "gradient checkpointing", "activation checkpointing", "utils.checkpoint",
     "checkpoint.checkpoint", "recomputation", "recompute", "检查点", "重计算"),
    ("twice", "two times", "double", "两次"),
    ("biased", "unbiased", "biased estimator", "unbiased estimator", "bessel", "bessel's correction", "biased var", "n - 1",
     "n-1", "normalization var", "有偏", "无偏", "贝塞尔"),
    ("padding", "padded", "pad", "pads", "zero-padded", "填充", "补零"),
    ("mask", "masked", "masking", "掩码"),
    ("variable length", "variable-length", "various-length", "various length", "different lengths", "sequence lengths",
     "seq_lengths", "变长", "不等长"),
    ("warm-up", "warmup", "warm up", "cold start", "预热"),
    ("recalibration", "recalibrate", "re-estimate", "recalculation", "recompute statistics", "precise bn", "校准", "重新估计"),
    ("constant", "constants", "zero variance", "low variance", "low-variance", "cancellation", "very large value",
     "numeric instability", "numerical stability", "常数", "方差为 0", "方差为0", "数值不稳定"),
    # copies
    ("ema", "exponential moving average", "ema_model", "ema model", "modelema", "ema teacher", "mean teacher", "mean-teacher",
     "权重平均", "指数滑动平均", "指数移动平均"),
    ("swa", "stochastic weight averaging", "stochasticweightaveraging", "weight averaging", "averaged model", "bn_update",
     "update_bn", "swa_utils"),
    ("buffers", "buffer", "缓冲区"),
    ("target network", "target networks", "target net", "q_net_target", "target update", "update target", "update target network",
     "updating target", "to target", "soft update", "hard update", "polyak", "目标网络", "软更新"),
    ("reinforcement learning", "rl", "dqn", "ddpg", "td3", "sac", "actor critic", "强化学习"),
    ("federated", "federated learning", "fedavg", "fedbn", "clients", "client", "aggregation", "aggregate", "aggregated", "联邦学习",
     "联邦", "客户端", "聚合"),
    ("multi-gpu", "multi gpu", "multi gpus", "multiple gpus", "multigpu", "across gpus", "each gpu", "per gpu", "several gpus", "ddp",
     "distributeddataparallel", "distributed data parallel", "dataparallel", "distributed", "multi-node", "多卡", "多 gpu", "多gpu",
     "多块 gpu", "分布式"),
    ("syncbatchnorm", "syncbn", "sync bn", "sync batch norm", "synchronized batch norm", "synchronized batchnorm",
     "synchronizedbatchnorm", "synchronize batch norm", "sync_bn", "convert_sync_batchnorm", "cross-gpu", "同步批归一化", "同步 bn",
     "同步bn"),
    ("broadcast buffers", "broadcast_buffers", "broadcast"),
    ("inplace", "in-place", "in place", "inplace operation", "in-place operation", "原地", "就地"),
    ("forward twice", "two forward", "two forward passes", "called twice", "forward called twice", "两次前向"),
    ("state_dict", "state dict", "load_state_dict", "checkpoint keys"),
    ("unexpected key", "unexpected keys", "unexpected key(s)", "missing key", "missing keys", "missing key(s)", "缺少键", "多余的键",
     "缺失的键", "retrocompatibility", "backward compatibility"),
    ("batch_stats", "batch stats", "mutable", "immutable", "use_running_average", "flax", "jax", "haiku", "equinox"),
    # batch
    ("gradient accumulation", "grad accumulation", "accumulate gradients", "accumulate gradient", "accumulating gradients",
     "accumulation steps", "accumulate_grad_batches", "gradientcumulative", "gradientcumulativeoptimizerhook", "accumulation",
     "梯度累积", "梯度累加"),
    ("shuffle", "shuffled", "shuffling", "unshuffled", "打乱"),
    ("one class", "single class", "same class", "same label", "sorted", "sorted by class", "ordered by class", "class by class",
     "同一类", "单一类别", "按类别排序", "按类排序"),
    ("gan", "gans", "dcgan", "discriminator", "generator", "real and fake", "real/fake", "判别器", "生成器", "生成对抗"),
    ("wgan", "wgan-gp", "wgan_gp", "wgangp", "gradient penalty", "critic", "wasserstein", "梯度惩罚"),
    ("leak", "leaks", "leaked", "leakage", "leaking", "information leak", "data leakage", "cheat", "cheating", "cheats",
     "intra-batch", "信息泄漏", "信息泄露", "泄露", "作弊"),
    ("contrastive", "moco", "simclr", "byol", "simsiam", "barlow twins", "self-supervised", "selfsupervised", "对比学习", "自监督"),
    ("maml", "meta-learning", "meta learning", "metalearning", "few-shot", "few shot", "reptile", "prototypical", "元学习",
     "小样本"),
    ("domain", "domains", "domain shift", "domain adaptation", "domain-specific", "distribution shift", "ood", "域偏移", "域适应",
     "域自适应", "跨域"),
    ("test-time adaptation", "test time adaptation", "tta", "tent", "adapt", "adaptation", "bn stats adapt", "测试时自适应"),
    ("siamese", "two branches", "shared between", "shared", "sharing", "reuse", "reused", "multiple pairs", "孪生", "共享"),
    ("semi-supervised", "semi supervised", "unlabeled", "unlabelled", "pseudo label", "pseudo-label", "consistency", "半监督",
     "伪标签"),
    ("augmentation", "augmented", "augmentations", "数据增强"),
    # porting
    ("epsilon", "eps", "ε"),
    ("gamma", "γ", "weight of batch norm", "scale parameter"),
    ("beta", "β"),
    ("convert", "converting", "converted", "conversion", "convertion", "port", "ported", "porting", "migrate", "移植", "转换"),
    ("keras", "tf.keras", "tensorflow", "tf", "tf2"),
    ("fold", "folding", "folded", "fuse", "fused", "fusing", "fusion", "merge bn", "bn merge", "fuse_conv_bn", "fuse_conv_and_bn",
     "fuse_bn_into_conv", "conv_bn fusion", "absorb", "融合", "折叠", "合并 bn", "合并bn"),
    ("export", "exported", "exporting", "exporter", "onnx", "onnxruntime", "torchscript", "jit", "tflite", "tf-lite", "coreml",
     "openvino", "导出"),
    ("half", "fp16", "float16", "half precision", "halftensor", "16-bit", "半精度", "混合精度"),
    ("axis", "dim", "dimension order", "channels last", "channels_last", "channels first", "channels_first", "channel axis",
     "transpose", "permute", "nhwc", "nchw", "轴", "通道在后"),
    ("1d convolutions", "1d convolution", "conv1d", "1d conv"),
    # errors
    ("got 2d input", "got 3d input", "got 4d input", "got 5d input", "got 1d input", "expected 4d input", "expected 2d or 3d input",
     "expected 3d input", "expected 5d input", "number of dimensions", "with 4 dims", "with 5 dims", "维度不对", "维数"),
    ("should contain", "elements not", "通道数不一致", "通道数不匹配"),
    # design
    ("bias", "biases", "use_bias", "bias_term", "偏置"),
    ("dropout", "drop out", "alphadropout"),
    ("mc dropout", "mc-dropout", "monte carlo dropout", "dropout during inference", "dropout at test time", "bayesian",
     "dropout at inference", "dropout in the predict phase", "uncertainty", "蒙特卡洛 dropout", "不确定性"),
    ("before or after", "after relu", "before relu", "after activation", "before activation", "after the activation",
     "before the activation", "activation be after", "conv-bn-relu", "conv-relu-bn", "cnn-bn-relu", "cnn-relu-bn", "relu-bn",
     "bn-relu", "pre-activation", "激活函数之前", "激活函数之后", "激活之前还是之后", "放在激活"),
    ("residual", "resnet", "skip connection", "shortcut", "残差"),
    ("zero init", "zero_init", "zero_init_residual", "zero gamma", "gamma zero", "gamma with zeros", "initialized as zero",
     "initialize zero", "initialized with zeros", "zero initialization", "初始化为 0", "初始化为0", "零初始化"),
    ("weight decay", "weight_decay", "weightdecay", "decay", "no_decay", "exclude_from_weight_decay", "wd", "权重衰减"),
    ("l2", "l2 regularization", "l2 loss", "l2 penalty", "scale invariant", "scale-invariant", "scale invariance",
     "effective learning rate", "weight norm", "normalize the weights", "正则化", "尺度不变"),
    ("per-sample", "per sample", "per-example", "per example", "vmap", "jacrev", "jacfwd", "functorch", "opacus", "dp-sgd",
     "differential privacy", "hessian", "jacobian", "逐样本梯度", "差分隐私"),
)  # fmt: skip
"""Groups of equal meaning. A phrase counts as a whole, wherever its words stand in this order."""
