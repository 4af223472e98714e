"""Networks for text: transformers' own classes, a few units wide."""

import torch
import torch.nn.functional as F
from torch import nn
from transformers import (
    AlbertConfig,
    AlbertForSequenceClassification,
    BertConfig,
    BertForSequenceClassification,
    CLIPTextConfig,
    CLIPTextModelWithProjection,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
    DistilBertConfig,
    DistilBertForSequenceClassification,
    ElectraConfig,
    ElectraForSequenceClassification,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    MobileBertConfig,
    MobileBertForSequenceClassification,
    RobertaConfig,
    RobertaForSequenceClassification,
    T5Config,
    T5EncoderModel,
)

CLASSES = 5
WORDS = 60
SIZES = dict(vocab_size=WORDS, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32, max_position_embeddings=16)
QUIET = dict(hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)


class Logits(nn.Module):
    """A model of transformers as a function of tensors that gives one tensor."""

    def __init__(self, model, *names, output="logits"):
        super().__init__()
        self.model, self.names, self.output = model, names, output

    def forward(self, first, second=None, third=None):
        inputs = dict(zip(self.names, (first, second, third)))
        return getattr(self.model(**inputs, return_dict=True), self.output)


def bert(attention="sdpa"):
    config = BertConfig(**SIZES, **QUIET, num_labels=CLASSES, attn_implementation=attention)
    return Logits(BertForSequenceClassification(config), "input_ids", "attention_mask", "token_type_ids")


def bert_eager():
    return bert("eager")


def distilbert():
    config = DistilBertConfig(vocab_size=WORDS, dim=16, n_layers=2, n_heads=2, hidden_dim=32, max_position_embeddings=16, dropout=0.0, attention_dropout=0.0, seq_classif_dropout=0.0, num_labels=CLASSES)
    return Logits(DistilBertForSequenceClassification(config), "input_ids", "attention_mask")


def roberta():
    config = RobertaConfig(**{**SIZES, "max_position_embeddings": 18}, **QUIET, type_vocab_size=1, num_labels=CLASSES, pad_token_id=1)
    return Logits(RobertaForSequenceClassification(config), "input_ids", "attention_mask")


def electra():
    config = ElectraConfig(**SIZES, **QUIET, embedding_size=8, num_labels=CLASSES)
    return Logits(ElectraForSequenceClassification(config), "input_ids", "attention_mask")


def albert():
    """One layer's weights, used three times."""
    config = AlbertConfig(**{**SIZES, "num_hidden_layers": 3}, **QUIET, classifier_dropout_prob=0.0, embedding_size=8, num_labels=CLASSES)
    return Logits(AlbertForSequenceClassification(config), "input_ids", "attention_mask")


def mobilebert():
    config = MobileBertConfig(**SIZES, **QUIET, embedding_size=16, intra_bottleneck_size=8, true_hidden_size=8, num_feedforward_networks=2, num_labels=CLASSES)
    return Logits(MobileBertForSequenceClassification(config), "input_ids", "attention_mask")


def gpt2(tie=False):
    config = GPT2Config(vocab_size=WORDS, n_positions=16, n_embd=16, n_layer=2, n_head=2, resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, use_cache=False, tie_word_embeddings=tie)
    return Logits(GPT2LMHeadModel(config), "input_ids")


def gpt2_tied():
    """The token embedding is the classifier's weight too."""
    return gpt2(tie=True)


def llama():
    """Rotary embeddings, RMS normalisation, gated SiLU, fewer keys than queries."""
    config = LlamaConfig(vocab_size=WORDS, hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=16, use_cache=False)
    return Logits(LlamaForCausalLM(config), "input_ids")


def t5_encoder():
    config = T5Config(vocab_size=WORDS, d_model=16, d_kv=8, d_ff=32, num_layers=2, num_heads=2, relative_attention_num_buckets=8, relative_attention_max_distance=16, dropout_rate=0.0)
    return Logits(T5EncoderModel(config), "input_ids", "attention_mask", output="last_hidden_state")


def clip_vision():
    config = CLIPVisionConfig(hidden_size=16, intermediate_size=32, projection_dim=CLASSES, num_hidden_layers=2, num_attention_heads=2, image_size=16, patch_size=4)
    return Logits(CLIPVisionModelWithProjection(config), "pixel_values", output="image_embeds")


def clip_text():
    config = CLIPTextConfig(**SIZES, projection_dim=CLASSES, bos_token_id=0, eos_token_id=WORDS - 1, pad_token_id=1)
    return Logits(CLIPTextModelWithProjection(config), "input_ids", output="text_embeds")


class TextCnn(nn.Module):
    """Kim, 2014."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(WORDS, 12)
        self.convolutions = nn.ModuleList(nn.Conv1d(12, 8, width) for width in (2, 3, 4))
        self.classifier = nn.Linear(24, CLASSES)

    def forward(self, ids):
        x = self.embedding(ids).transpose(1, 2)
        return self.classifier(torch.cat([F.relu(convolution(x)).max(dim=2).values for convolution in self.convolutions], 1))


class Recurrent(nn.Module):
    """Embedding, a recurrent layer, the mean over time, a classifier."""

    def __init__(self, cell, bidirectional=False, layers=1):
        super().__init__()
        self.embedding = nn.Embedding(WORDS, 8)
        self.recurrent = cell(8, 12, num_layers=layers, batch_first=True, bidirectional=bidirectional)
        self.classifier = nn.Linear(24 if bidirectional else 12, CLASSES)

    def forward(self, ids):
        y, _ = self.recurrent(self.embedding(ids))
        return self.classifier(y.mean(1))


def lstm():
    return Recurrent(nn.LSTM)


def bilstm():
    return Recurrent(nn.LSTM, bidirectional=True, layers=2)


def gru():
    return Recurrent(nn.GRU, layers=2)


class LastState(nn.Module):
    """The last hidden state of a recurrent layer over a signal goes to the classifier."""

    def __init__(self):
        super().__init__()
        self.recurrent = nn.RNN(3, 12, nonlinearity="tanh")
        self.classifier = nn.Linear(12, CLASSES)

    def forward(self, x):
        _, state = self.recurrent(x.permute(2, 0, 1))
        return self.classifier(state[-1])


class ClassicBert(nn.Module):
    """BERT as transformers wrote it before 2024, whose operators optimisers know: scores divided by √d, plus a mask of large negative numbers."""

    def __init__(self, size=16, heads=2, layers=2, length=16):
        super().__init__()
        self.words, self.positions, self.segments = nn.Embedding(WORDS, size), nn.Embedding(length, size), nn.Embedding(2, size)
        self.norm = nn.LayerNorm(size, eps=1e-12)
        self.layers = nn.ModuleList(ClassicLayer(size, heads) for _ in range(layers))
        self.pooler, self.classifier = nn.Linear(size, size), nn.Linear(size, CLASSES)

    def forward(self, ids, mask, segments):
        positions = torch.arange(ids.shape[1])[None]
        x = self.norm(self.words(ids) + self.positions(positions) + self.segments(segments))
        hidden = (1.0 - mask[:, None, None, :].to(torch.float32)) * -10000.0
        for layer in self.layers:
            x = layer(x, hidden)
        return self.classifier(torch.tanh(self.pooler(x[:, 0])))


class ClassicLayer(nn.Module):
    def __init__(self, size, heads):
        super().__init__()
        self.heads, self.width = heads, size // heads
        self.query, self.key, self.value, self.output = (nn.Linear(size, size) for _ in range(4))
        self.attention_norm, self.output_norm = nn.LayerNorm(size, eps=1e-12), nn.LayerNorm(size, eps=1e-12)
        self.enter, self.leave = nn.Linear(size, 2 * size), nn.Linear(2 * size, size)

    def by_head(self, x):
        return x.view(x.size(0), x.size(1), self.heads, self.width).permute(0, 2, 1, 3)

    def forward(self, x, hidden):
        query, key, value = self.by_head(self.query(x)), self.by_head(self.key(x)), self.by_head(self.value(x))
        scores = torch.matmul(query, key.transpose(-1, -2)) / self.width**0.5 + hidden
        context = torch.matmul(torch.softmax(scores, -1), value).permute(0, 2, 1, 3).contiguous()
        context = context.view(context.size(0), context.size(1), self.heads * self.width)
        x = self.attention_norm(self.output(context) + x)
        return self.output_norm(self.leave(F.gelu(self.enter(x))) + x)
