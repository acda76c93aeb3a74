"""A page in English and in Chinese, our own words: 8 paragraphs of prose with few words in common."""

ENGLISH = [
    "The ferry leaves the island every morning at six, long before the first shops on the quay open their doors.",
    "Most passengers are fishermen who sell their catch at the market of the mainland and return in the afternoon.",
    "In winter the crossing is often cancelled, because the northern wind makes the harbour entrance dangerous.",
    "The old lighthouse was built in 1874 and is now a small museum with a collection of maps and instruments.",
    "Visitors can climb its 132 steps; from the gallery one sees three provinces when the air is clear.",
    "A school with two teachers and nineteen children stands beside the temple, under a very old banyan tree.",
    "The younger people study in the cities, and many of them come home only for the Spring Festival.",
    "Last year the government promised a bridge, but nobody on the island believes that it will ever be finished.",
]
CHINESE = [
    "渡船每天早晨六点离开小岛，那时码头上最早的商店还远没有开门。",
    "乘客大多是渔民，他们到大陆的市场上出售捕到的鱼，下午再回来。",
    "冬天渡船常常停航，因为北风使港口的入口变得十分危险。",
    "古老的灯塔建于1874年，现在是一座小型博物馆，收藏着地图和仪器。",
    "游客可以登上132级台阶；天气晴朗时，从看台上可以望见三个省。",
    "寺庙旁边、一棵很老的榕树下有一所学校，有两位教师和十九个孩子。",
    "年轻人在城市里读书，许多人只在春节才回家。",
    "去年政府许诺修建一座桥，但是岛上没有人相信它会建成。",
]
OTHER_CHINESE = [
    "这家工厂生产自行车轮胎，产品主要销往东南亚各国。",
    "昨天的足球比赛以二比二结束，两队都对裁判表示不满。",
    "新上映的电影讲述了一位钢琴家与他父亲之间的故事。",
    "医生建议病人少吃盐，多喝水，并且每天散步半小时。",
    "股票市场今天大幅下跌，投资者担心利率会继续上升。",
]


def text(lines: list[str]) -> str:
    return "\n\n".join(lines)
