"""Names of clusters: the words that set each apart, by c-TF-IDF.

Class-based TF-IDF as BERTopic has it (Grootendorst, "BERTopic: Neural topic modeling with a class-based TF-IDF
procedure", 2022, arXiv:2203.05794; `ClassTfidfTransformer`): a word x weighs in a class c

    sqrt(tf(x, c)) * log(1 + A / f(x)),

tf the share of x among the class's words, f its count in all classes, A the mean number of words a class. The root is
BERTopic's `reduce_frequent_words`. Without it, eight of the sixteen topics of a crawl that is half a handbook were
named by "choose", "select" and "command", which stand on most of its pages; with it by what each is about; BERTopic's
`bm25_weighting` changed little. A word counts once a document, so that no page names its cluster by saying one thing
three hundred times. What a word is: `skypile.distribution.words`.
"""

from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from skypile.distribution.words import FIRST_HAN, WordCounts

WORDS = 6  # of a name
RANKED = 60  # candidates for them, by weight
# A word names a cluster if it stands in this share of its documents. At 0.08 clusters of some ten pages were named by
# words of one or two of them; at 0.25 a topic of mixed science pages by "time" alone.
LEAST_SHARE = 0.15

# Words that say nothing of what a page is about: function words, and those of every web page.
STOP_WORDS: Final = frozenset(
    """
    able about above across add added after again against ago all almost along already also although always among
    and another any anyone anything are aren around ask away back because been before being below best better
    between both browser but came can cannot click com come comment comments contact content cookie cookies
    copyright could couldn day days did didn does doesn doing don done down due during each either else email
    enough especially etc even ever every everyone everything few find first for found four from further gave get
    gets getting give given gives giving goes going gone good got great had hadn has hasn have haven having help
    her here hers herself him himself his home homepage how however html http https into isn its itself javascript
    just keep kept know known last least less let like likely link links little ll log login long look looking lot
    lots made make makes making many may maybe menu might more most much must myself need needs never new
    newsletter next non nor not nothing now off often once one ones only onto other others our ours ourselves out
    over own page pages part per perhaps php please policy post posted posts privacy put quite rather read really
    reply reserved right rights said same saw say says search see seem seems seen several shall share she should
    shouldn show sign since site skip small some someone something sometimes soon still subscribe such sure take
    taken takes taking tell terms than that the their theirs them themselves then there therefore these they thing
    things think this those though three through thus till time times together told too took toward towards two
    under until upon use used uses using usually various very via view views want wants was wasn way ways web
    website well went were weren what whatever when where whether which while who whole whom whose why will with
    within without won would wouldn www year years yes yet you your yours yourself
    一个 我们 他们 进行 自己 起来 这种 这个 以及 什么 作为 因为 这样 由于 可以 成为 没有 开始 已经 具有 出来
    所以 而且 一种 因此 通过 这些 虽然 不断 可能 不是 同时 出现 一些 如果 及其 其中 现在 怎么 认为 但是 其他
    其实 知道 还有 你们 如何 好像 所有 最后 不同 一点 那样 下来 加以 应该 觉得 一样 有关 带来 为止 大家 甚至
    就是 受到 按照 可是 的话 一下 造成 作用 得到 发现 东西 经过 能够 那么 一次 不过 包括 各种 随着 正是 部分
    为了 今天 不能 时候 这里 它们 引起 上来 于是 而是 这么 尽管 使用 为什么 至于 当然 方面 并且 一定 突然
    之后 不知 进来 然后 为主 表示 需要 以上 以下 之间 之前 主要 非常 或者 还是 只是 只有 那些 那个 这是 有些
    很多 许多 目前 对于 关于 根据 以后 以前 比较 特别 尤其 一直 仍然 此外 另外 不仅 即使 无论 只要 除了 一切
    比如 例如 他的 我的 你的 她的 是否 不会 不要 真的 一起 几乎 看到 来说 来自 属于 位于 其它 某些 任何 一般
    以来 左右 相关 点击 登录 注册 首页 网站 版权所有 评论 分享 阅读 返回 下一页 上一页 转载 来源 编辑 责任编辑
    更多 收藏 回复 发表 查看 网友 本站 微信 下载 标题 原标题 记者 报道 本报 日电 消息 小编 图片 图为
    """.split()  # noqa: SIM905 (a list of words reads as one)
)


def names(counted: WordCounts, groups: dict[int, int] | None = None) -> dict[int, list[str]]:
    """At most WORDS words of each class, the heaviest first; a class without any has none.

    `groups`: class to the larger class whose name is wanted instead; a class that is not in it counts for none.
    """
    classes, keys, documents = counted.pairs()
    sizes = counted.documents
    if groups is not None:
        of = np.array([groups.get(one, -1) for one in range(max(sizes, default=-1) + 1)], np.int32)
        classes = of[classes]
        keys, documents, classes = keys[classes >= 0], documents[classes >= 0], classes[classes >= 0]
        sizes = _grouped(sizes, groups)
    counts, vocabulary = _matrix(classes, keys, documents, max(sizes, default=-1) + 1)
    spoken = np.flatnonzero(np.diff(counts.indptr))
    counts = counts[spoken]
    weights = c_tf_idf(counts)
    found: dict[int, list[str]] = {one: [] for one in sorted(sizes)}
    for row, one in enumerate(spoken.tolist()):
        at = slice(weights.indptr[row], weights.indptr[row + 1])
        enough = counts.data[at] >= max(2 if sizes[one] > 2 else 1, LEAST_SHARE * sizes[one])
        columns, heavy = weights.indices[at][enough], np.round(weights.data[at][enough], 9)
        ranked = columns[np.lexsort((columns, -heavy))][:RANKED]
        found[one] = chosen(counted.spelled(vocabulary[ranked]))
    return found


def _grouped(sizes: dict[int, int], groups: dict[int, int]) -> dict[int, int]:
    """Documents of each group.

    >>> _grouped({0: 3, 1: 4, 2: 5}, {0: 7, 1: 7})
    {7: 7}
    """
    found: dict[int, int] = {}
    for one, documents in sizes.items():
        if one in groups:
            found[groups[one]] = found.get(groups[one], 0) + documents
    return found


def _matrix(
    classes: NDArray[np.int32], keys: NDArray[np.uint64], counts: NDArray[np.int32], rows: int
) -> tuple[csr_array, NDArray[np.uint64]]:
    """Counts as (rows, words), columns in the order of the keys, and the key of each column."""
    vocabulary, columns = np.unique(keys, return_inverse=True)
    shape = (rows, len(vocabulary))
    found = csr_array((counts.astype(np.float64), (classes, columns)), shape=shape)
    found.sort_indices()
    return found, vocabulary


def c_tf_idf(counts: csr_array) -> csr_array:
    """Weights of words in classes, of counts (classes, words): float64, the same shape. Every class has a word.

    >>> c_tf_idf(csr_array([[2.0, 2.0], [0.0, 4.0]])).toarray().round(3).tolist()
    [[0.777, 0.361], [0.0, 0.511]]
    """
    words = np.asarray(counts.sum(axis=1), np.float64)
    everywhere = np.asarray(counts.sum(axis=0), np.float64)
    rarity = np.log1p(words.mean() / np.maximum(everywhere, 1)) if len(words) else everywhere
    data = np.sqrt(counts.data / np.repeat(words, np.diff(counts.indptr))) * rarity[counts.indices]
    return csr_array((data, counts.indices, counts.indptr), shape=counts.shape)


def chosen(words: Iterable[str]) -> list[str]:
    """The first WORDS of `words`, heaviest first, without stop words and without two forms of one word.

    >>> chosen(["hotels", "the", "hotel", "beach", "北京大学", "大学"])
    ['hotels', 'beach', '北京大学']
    """
    found: list[str] = []
    for word in words:
        if word not in STOP_WORDS and not any(_alike(word, other) for other in found):
            found.append(word)
            if len(found) == WORDS:
                break
    return found


def _alike(word: str, other: str) -> bool:
    """Whether two words are forms of one: part of each other in Chinese, of one stem in English."""
    short, long = sorted((word, other), key=len)
    if word[0] >= chr(FIRST_HAN) or other[0] >= chr(FIRST_HAN):
        return short in long
    return (long.startswith(short) and len(long) - len(short) <= 2) or _stem(short) == _stem(long)


def _stem(word: str) -> str:
    """
    >>> _stem("studies"), _stem("study"), _stem("booking"), _stem("booked")
    ('stud', 'stud', 'book', 'book')
    """
    for ending in ("ies", "ing", "ed", "es", "s", "y", "e"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word
