"""Vision networks: torchvision's and timm's own classes, a few channels wide."""

from functools import partial

import torch
import torch.nn.functional as F
from timm.models import (
    byobnet,
    convmixer,
    edgenext,
    ghostnet,
    metaformer,
    mlp_mixer,
    resnet as timm_resnet,
    resnetv2,
    swin_transformer as timm_swin,
    vision_transformer as timm_vit,
)
from timm.models.deit import VisionTransformerDistilled
from torch import nn
from torchvision.models import convnext, densenet, efficientnet, mnasnet, mobilenetv2, mobilenetv3, regnet, shufflenetv2, squeezenet, swin_transformer, vgg, vision_transformer
from torchvision.models.googlenet import BasicConv2d, Inception
from torchvision.models.detection import ssd, ssdlite
from torchvision.models.segmentation import deeplabv3

CLASSES = 5


def resnet_basic():
    return timm_resnet.ResNet(timm_resnet.BasicBlock, [1, 1, 1, 1], num_classes=CLASSES, channels=(8, 12, 16, 20), stem_width=8)


def resnet_bottleneck():
    return timm_resnet.ResNet(timm_resnet.Bottleneck, [1, 1, 1, 1], num_classes=CLASSES, channels=(4, 4, 8, 8), stem_width=8, stem_type="deep", avg_down=True)


def resnetv2_group_norm():
    """BiT: group normalisation before each convolution, whose weights are standardised."""
    return resnetv2.ResNetV2((1, 1), (16, 32), num_classes=CLASSES, stem_chs=8, act_layer=nn.ReLU, norm_layer=partial(resnetv2.GroupNormAct, num_groups=4), conv_layer=resnetv2.StdConv2d)


class VggBatchNorm(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = vgg.make_layers([6, "M", 8, "M", 12], batch_norm=True)
        self.classifier = nn.Sequential(nn.Linear(12 * 4 * 4, 24), nn.ReLU(True), nn.Dropout(0.0), nn.Linear(24, CLASSES))

    def forward(self, x):
        return self.classifier(torch.flatten(self.features(x), 1))


def mobilenet_v2():
    network = mobilenetv2.MobileNetV2(num_classes=CLASSES, inverted_residual_setting=[[1, 8, 1, 1], [6, 8, 2, 2], [6, 16, 1, 2]], width_mult=0.25, dropout=0.0)
    # The paper's 1280 channels before the classifier, at this width.
    channels = network.features[-1][0].in_channels
    network.features[-1] = mobilenetv2.Conv2dNormActivation(channels, 32, kernel_size=1, norm_layer=nn.BatchNorm2d, activation_layer=nn.ReLU6)
    network.classifier = nn.Sequential(nn.Dropout(0.0), nn.Linear(32, CLASSES))
    return network


def mobilenet_v3():
    block = partial(mobilenetv3.InvertedResidualConfig, width_mult=1.0)
    setting = [block(16, 3, 16, 16, True, "RE", 2, 1), block(16, 5, 32, 24, True, "HS", 2, 1), block(24, 3, 48, 24, False, "HS", 1, 1)]
    return mobilenetv3.MobileNetV3(setting, last_channel=32, num_classes=CLASSES, dropout=0.0)


def shufflenet_v2():
    return shufflenetv2.ShuffleNetV2([2, 2, 1], [8, 16, 24, 32, 40], num_classes=CLASSES)


def efficientnet_small():
    block = partial(efficientnet.MBConvConfig, width_mult=1.0, depth_mult=1.0)
    setting = [block(1, 3, 1, 8, 8, 1), block(4, 3, 2, 8, 16, 2), block(4, 5, 2, 16, 16, 1)]
    return efficientnet.EfficientNet(setting, dropout=0.0, stochastic_depth_prob=0.0, num_classes=CLASSES, last_channel=32)


def convnext_small():
    setting = [convnext.CNBlockConfig(8, 16, 1), convnext.CNBlockConfig(16, None, 1)]
    return convnext.ConvNeXt(setting, stochastic_depth_prob=0.0, layer_scale=1e-6, num_classes=CLASSES)


def densenet_small():
    return densenet.DenseNet(growth_rate=4, block_config=(2, 2, 2), num_init_features=8, bn_size=2, num_classes=CLASSES)


def regnet_y():
    parameters = regnet.BlockParams.from_init_params(depth=4, w_0=8, w_a=8.0, w_m=2.0, group_width=4, se_ratio=0.25)
    return regnet.RegNet(parameters, num_classes=CLASSES, stem_width=8)


class SqueezeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 8, kernel_size=3, stride=2), nn.ReLU(True), nn.MaxPool2d(3, stride=2, ceil_mode=True),
            squeezenet.Fire(8, 4, 8, 8), squeezenet.Fire(16, 4, 8, 8), nn.MaxPool2d(3, stride=2, ceil_mode=True), squeezenet.Fire(16, 6, 12, 12),
        )
        self.classifier = nn.Sequential(nn.Dropout(0.0), nn.Conv2d(24, CLASSES, 1), nn.ReLU(True), nn.AdaptiveAvgPool2d((1, 1)))

    def forward(self, x):
        # Without ReLU's dead classes a small network would lose its gradients here.
        return torch.flatten(self.classifier(self.features(x)), 1)


class GoogLeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = BasicConv2d(3, 8, kernel_size=3, stride=2, padding=1)
        self.inception1 = Inception(8, 4, 4, 6, 2, 4, 4)
        self.pool = nn.MaxPool2d(2, stride=2, ceil_mode=True)
        self.inception2 = Inception(18, 6, 4, 8, 2, 4, 6)
        self.fc = nn.Linear(24, CLASSES)

    def forward(self, x):
        x = self.inception2(self.pool(self.inception1(self.stem(x))))
        return self.fc(torch.flatten(F.adaptive_avg_pool2d(x, (1, 1)), 1))


class Mnasnet(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1, stride=2, bias=False), nn.BatchNorm2d(8, momentum=3e-4), nn.ReLU(True),
            mnasnet._stack(8, 12, 3, 2, 3, 2, 3e-4), mnasnet._stack(12, 16, 5, 2, 3, 1, 3e-4),
        )
        self.classifier = nn.Linear(16, CLASSES)

    def forward(self, x):
        return self.classifier(self.layers(x).mean([2, 3]))


class DeepLab(nn.Module):
    """Atrous pyramid on a small backbone, enlarged to the input's size."""

    def __init__(self):
        super().__init__()
        self.backbone = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 12, 3, padding=2, dilation=2, bias=False), nn.BatchNorm2d(12), nn.ReLU())
        self.aspp = deeplabv3.ASPP(12, [1, 2, 3], out_channels=8)
        self.aspp.project[3].p = 0.0
        self.head = nn.Conv2d(8, 3, 1)

    def forward(self, x):
        return F.interpolate(self.head(self.aspp(self.backbone(x))), size=x.shape[-2:], mode="bilinear", align_corners=False)


class Fcn(nn.Module):
    """Scores at two strides, enlarged by bilinear interpolation with and without aligned corners."""

    def __init__(self):
        super().__init__()
        self.down1 = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU())
        self.down2 = nn.Sequential(nn.Conv2d(8, 12, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(12), nn.ReLU())
        self.score1 = nn.Conv2d(8, 3, 1)
        self.score2 = nn.Conv2d(12, 3, 1)

    def forward(self, x):
        x1 = self.down1(x)
        x2 = self.score2(self.down2(x1))
        x = self.score1(x1) + F.interpolate(x2, scale_factor=2, mode="bilinear", align_corners=True)
        return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


class UNet(nn.Module):
    """Ronneberger et al., 2015, with transposed convolution on one level and nearest-neighbour enlargement on the other."""

    def __init__(self):
        super().__init__()
        block = lambda i, o: nn.Sequential(nn.Conv2d(i, o, 3, padding=1), nn.BatchNorm2d(o), nn.LeakyReLU(0.1))
        self.enter, self.middle, self.bottom = block(3, 6), block(6, 8), block(8, 12)
        self.up1 = nn.ConvTranspose2d(12, 8, 2, stride=2)
        self.join1, self.join2 = block(16, 8), block(14, 6)
        self.exit = nn.ConvTranspose2d(6, 2, 3, stride=1, padding=1, bias=False)

    def forward(self, x):
        x1 = self.enter(x)
        x2 = self.middle(F.max_pool2d(x1, 2))
        x = self.bottom(F.max_pool2d(x2, 2))
        x = self.join1(torch.cat([self.up1(x), x2], 1))
        x = self.join2(torch.cat([F.interpolate(x, scale_factor=2, mode="nearest"), x1], 1))
        return self.exit(x)


class SsdHeads(nn.Module):
    """Feature maps of two strides with torchvision's SSD head: box offsets and class scores, without the suppression of duplicates."""

    def __init__(self, head=ssd.SSDHead):
        super().__init__()
        self.stage1 = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU6())
        self.stage2 = nn.Sequential(nn.Conv2d(8, 12, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(12), nn.ReLU6())
        self.head = head([8, 12], [2, 3], 4)

    def forward(self, x):
        x1 = self.stage1(x)
        found = self.head([x1, self.stage2(x1)])
        return found["bbox_regression"], found["cls_logits"]


def ssdlite_heads():
    return SsdHeads(partial(ssdlite.SSDLiteHead, norm_layer=partial(nn.BatchNorm2d, eps=0.001, momentum=0.03)))


def swin_torchvision():
    return swin_transformer.SwinTransformer(patch_size=[2, 2], embed_dim=8, depths=[2, 2], num_heads=[2, 4], window_size=[4, 4], mlp_ratio=2.0, stochastic_depth_prob=0.0, num_classes=CLASSES)


def swin_v2_torchvision():
    block, downsample = swin_transformer.SwinTransformerBlockV2, swin_transformer.PatchMergingV2
    return swin_transformer.SwinTransformer(patch_size=[2, 2], embed_dim=8, depths=[2, 1], num_heads=[2, 4], window_size=[4, 4], mlp_ratio=2.0, stochastic_depth_prob=0.0, num_classes=CLASSES, block=block, downsample_layer=downsample)


def swin_timm():
    return timm_swin.SwinTransformer(img_size=16, patch_size=2, embed_dim=8, depths=(2, 2), num_heads=(2, 4), window_size=4, mlp_ratio=2.0, drop_path_rate=0.0, num_classes=CLASSES)


def vit_torchvision():
    return vision_transformer.VisionTransformer(image_size=16, patch_size=4, num_layers=2, num_heads=2, hidden_dim=16, mlp_dim=32, num_classes=CLASSES)


def deit():
    return VisionTransformerDistilled(img_size=16, patch_size=4, embed_dim=16, depth=2, num_heads=2, mlp_ratio=2, num_classes=CLASSES)


def vit_timm():
    return timm_vit.VisionTransformer(img_size=16, patch_size=4, embed_dim=16, depth=2, num_heads=4, mlp_ratio=2, num_classes=CLASSES, global_pool="avg", init_values=1e-5)


def vit_timm_plain():
    return timm_vit.VisionTransformer(img_size=16, patch_size=4, embed_dim=16, depth=2, num_heads=2, mlp_ratio=2, num_classes=CLASSES)


def mixer():
    return mlp_mixer.MlpMixer(img_size=16, patch_size=4, embed_dim=16, num_blocks=2, mlp_ratio=(0.5, 2.0), num_classes=CLASSES)


def conv_mixer():
    return convmixer.ConvMixer(dim=12, depth=2, kernel_size=5, patch_size=2, num_classes=CLASSES)


def poolformer():
    return metaformer.MetaFormer(depths=(1, 1), dims=(8, 16), num_classes=CLASSES, token_mixers=metaformer.Pooling, norm_layers=metaformer.GroupNorm1, mlp_act=nn.GELU, layer_scale_init_values=1e-5, res_scale_init_values=None, use_mlp_head=False)


def edge_next():
    return edgenext.EdgeNeXt(dims=(8, 12, 16, 24), depths=(1, 1, 1, 2), global_block_counts=(0, 1, 0, 1), heads=(2, 2, 2, 2), d2_scales=(2, 2, 3, 4), expand_ratio=2, num_classes=CLASSES)


def mobile_vit():
    block = lambda d, c: byobnet.ByoBlockCfg(type="bottle", d=d, c=c, s=2, gs=1, br=2.0)
    transformer = byobnet.ByoBlockCfg(type="mobilevit", d=1, c=12, s=1, block_kwargs=dict(transformer_dim=16, transformer_depth=1, patch_size=2, num_heads=2))
    configuration = byobnet.ByoModelCfg(
        blocks=(block(1, 8), (block(1, 12), transformer)), stem_chs=8, stem_type="3x3", stem_pool="", downsample="", act_layer="silu", num_features=24,
    )
    return byobnet.ByobNet(configuration, num_classes=CLASSES)


def ghost_net():
    return ghostnet.GhostNet([[[3, 8, 8, 0, 1]], [[3, 16, 12, 0, 2]], [[5, 24, 12, 0.25, 1]]], num_classes=CLASSES, width=1.0, drop_rate=0.0)


def rep_vgg():
    block = lambda d, c: byobnet.ByoBlockCfg(type="rep", d=d, c=c)
    return byobnet.ByobNet(byobnet.ByoModelCfg(blocks=(block(2, 8), block(2, 12)), stem_type="rep", stem_chs=8), num_classes=CLASSES)
