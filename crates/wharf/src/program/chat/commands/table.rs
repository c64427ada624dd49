//! The table.

use super::Kind::{Last, MaybeSecret, NewSecret, Number, Rest, Secret, Time, Word};
use super::{Command, command, flag, last, maybe, option, param, rest, secret, word};

const ON_NAMES: &str =
    "NAME is the name that others see (in quotes if it has spaces), or #N for account N.";

/// All of them, in the order of `/help`.
pub(in super::super) static COMMANDS: &[Command] = &[
    command(
        "help",
        &[maybe("command", Word)],
        &[],
        "this list, or more about a command",
    )
    .or(&["?"])
    .classic(),
    command("quit", &[], &[], "end")
        .or(&["exit", "q"])
        .classic(),
    command(
        "connect",
        &[maybe("addr", Word)],
        &[],
        "connect to another server, or again when the connection is gone",
    )
    .more(
        "ADDR is an address or a name, without a port 11021. A login that is kept \
         for that server goes by itself; a password is told to none but its own.",
    )
    .classic(),
    command("ping", &[], &[1027], "how long the server takes to answer").classic(),
    command(
        "wait",
        &[word("for"), option("timeout")],
        &[],
        "wait for an event (for scripts)",
    )
    .more(
        "Any further NAME=VALUE is compared with the field of that name, such \
         as `/wait message text=hello timeout=5`. Looks at what came since the \
         last wait. 30 seconds unless said.",
    )
    .classic(),
    command(
        "login",
        &[word("name"), secret("password", Secret)],
        &[1101],
        "log in by name and password",
    )
    .classic(),
    command(
        "register",
        &[word("name"), secret("password", NewSecret)],
        &[1100],
        "make an account, and log in",
    ),
    command(
        "guest",
        &[],
        &[1102],
        "log in by a secret that this machine keeps",
    )
    .more(
        "The account is made the first time. /link gives it a name and a \
         password.",
    ),
    command(
        "ticket",
        &[secret("ticket", Secret)],
        &[1103],
        "log in by what the studio's own service gave out",
    ),
    command(
        "recover",
        &[
            word("name"),
            secret("code", Secret),
            secret("password", NewSecret),
        ],
        &[1114],
        "set a new password by a recovery code, and log in",
    ),
    command(
        "logout",
        &[],
        &[1106],
        "end this login: its token is forgotten",
    ),
    command(
        "rooms",
        &[
            maybe("search", Last),
            option("page"),
            option("limit"),
            option("order"),
        ],
        &[1201],
        "rooms, or those whose names begin like that",
    )
    .more("order=busiest: those with most members, on whatever server they are open."),
    command(
        "enter",
        &[word("room"), maybe("password", MaybeSecret)],
        &[1203],
        "enter a room",
    )
    .more(
        "ROOM is a name, the number of one of the numbered rooms, or #N for the \
         room with id N.",
    )
    .or(&["join"])
    .classic(),
    command(
        "create",
        &[
            word("name"),
            option("topic"),
            option("password"),
            option("max"),
            option("history"),
            option("slow"),
            flag("hidden"),
            flag("persistent"),
        ],
        &[1200],
        "make a room, and enter it",
    )
    .more(
        "history is off, buffered or durable; max is how many may be there; \
         slow is the seconds between two messages of a member. Values with \
         spaces stand in quotes: topic=\"a b\".",
    ),
    command("leave", &[], &[1205], "leave the room")
        .or(&["part"])
        .classic(),
    command(
        "room",
        &[maybe("room", Word)],
        &[],
        "which room you are in; of several, talk in that one",
    )
    .more("To go to another room, /leave this one and /enter that."),
    command(
        "members",
        &[option("page"), option("limit")],
        &[1210],
        "who is in the room",
    )
    .classic(),
    command(
        "who",
        &[maybe("search", Last), option("page"), option("limit")],
        &[1218],
        "who is online, or whose name begins so",
    ),
    command(
        "say",
        &[rest("text")],
        &[1300],
        "say something in the room; what has no / before it is said too",
    )
    .classic(),
    command(
        "w",
        &[word("name"), rest("text")],
        &[1303],
        "whisper to somebody, wherever they are",
    )
    .or(&["whisper", "msg"])
    .more(ON_NAMES),
    command(
        "emote",
        &[last("name")],
        &[1300],
        "make a gesture, such as wave",
    )
    .or(&["me"]),
    command(
        "item",
        &[param("item", Number, true), last("name")],
        &[1300],
        "show an item, by its id and name",
    ),
    command(
        "history",
        &[
            maybe("count", Number),
            option("with"),
            option("before"),
            option("after"),
        ],
        &[1305],
        "what was said in the room, or with somebody",
    )
    .more("`/history 50`, `/history with=kim`, `/history before=120`."),
    command(
        "remove",
        &[param("seq", Number, true)],
        &[1307],
        "remove a message of the room, by its number",
    ),
    command(
        "block",
        &[word("name")],
        &[1310],
        "hear nothing more from somebody",
    )
    .more(ON_NAMES),
    command("unblock", &[word("name")], &[1310], "hear somebody again").more(ON_NAMES),
    command("blocks", &[], &[1312], "whom you have blocked"),
    command(
        "report",
        &[
            word("name"),
            option("seq"),
            flag("whisper"),
            maybe("text", Rest),
        ],
        &[1313],
        "tell the server's moderators about somebody",
    )
    .more(
        "seq is the number of a message, in the room or (whisper) between you \
         two.",
    ),
    command(
        "topic",
        &[rest("text")],
        &[1212],
        "set what the room is about",
    ),
    command("lock", &[], &[1212], "let nobody new enter"),
    command("unlock", &[], &[1212], "let people enter again"),
    command(
        "slow",
        &[param("seconds", Number, true)],
        &[1212],
        "seconds between two messages of a member; 0 for none",
    ),
    command(
        "change",
        &[
            option("name"),
            option("topic"),
            option("password"),
            option("max"),
            option("slow"),
            option("locked"),
            option("hidden"),
        ],
        &[1212],
        "change the room",
    )
    .more("locked and hidden are yes or no; password= takes it away."),
    command(
        "kick",
        &[word("name"), maybe("text", Rest)],
        &[1215],
        "send somebody out of the room",
    )
    .more(ON_NAMES),
    command(
        "ban",
        &[word("name"), maybe("time", Time), maybe("text", Rest)],
        &[1215],
        "send somebody out, and keep them out",
    )
    .more("TIME is such as 90s, 10m, 2h or 7d; without it, for ever."),
    command(
        "unban",
        &[word("name"), maybe("text", Rest)],
        &[1215],
        "end a ban",
    )
    .more(ON_NAMES),
    command(
        "bans",
        &[option("page")],
        &[1222],
        "who is kept out of the room",
    ),
    command(
        "mute",
        &[word("name"), maybe("time", Time), maybe("text", Rest)],
        &[1215],
        "let somebody hear, and say nothing",
    ),
    command(
        "unmute",
        &[word("name"), maybe("text", Rest)],
        &[1215],
        "end a mute",
    )
    .more(ON_NAMES),
    command(
        "promote",
        &[word("name")],
        &[1215],
        "make a member a moderator",
    )
    .more(ON_NAMES),
    command(
        "demote",
        &[word("name")],
        &[1215],
        "make a moderator a member",
    )
    .more(ON_NAMES),
    command(
        "handover",
        &[word("name")],
        &[1215],
        "make a member the owner of the room",
    )
    .more(ON_NAMES),
    command(
        "close",
        &[],
        &[1224],
        "close the room: it is gone with its history",
    ),
    command(
        "profile",
        &[maybe("name", Word)],
        &[1118],
        "your profile, or somebody's",
    )
    .more(ON_NAMES),
    command(
        "set",
        &[
            option("avatar"),
            option("language"),
            option("document"),
            option("version"),
        ],
        &[1120],
        "change your profile",
    ),
    command(
        "name",
        &[last("name")],
        &[1121],
        "take another name, by which you log in from then on",
    )
    .or(&["nick"]),
    command(
        "presence",
        &[word("who")],
        &[1220],
        "who sees that you are online",
    )
    .more(
        "WHO is everybody or nobody. A server knows it for a session; this program says it \
         again at each further login of the account, until it ends or goes to another server.",
    ),
    command("logins", &[], &[1108], "where you are logged in"),
    command(
        "revoke",
        &[word("login")],
        &[1110],
        "end another login by its number, or `others`: all but this",
    ),
    command(
        "refresh",
        &[],
        &[1125],
        "exchange this login's token for the next",
    ),
    command(
        "password",
        &[maybe("old", Secret), secret("new", NewSecret)],
        &[1111],
        "set a new password; all other logins end",
    ),
    command(
        "recovery",
        &[maybe("password", Secret)],
        &[1112],
        "make new recovery codes",
    ),
    command("identities", &[], &[1127], "how your account is known"),
    command(
        "link",
        &[word("by"), maybe("name", Word), maybe("secret", Secret)],
        &[1115, 1116],
        "have your account known by something else too",
    )
    .more(
        "`/link name NAME PASSWORD` for a guest's account, `/link device` for \
         this machine, `/link ticket TICKET` for the studio's.",
    ),
    command(
        "unlink",
        &[word("kind")],
        &[1117],
        "have your account known by something less",
    )
    .more("KIND is name, device or ticket."),
    command(
        "export",
        &[option("page")],
        &[1122],
        "everything that is kept about you",
    ),
    command(
        "erase",
        &[word("sure"), maybe("password", Secret)],
        &[1124],
        "erase your account",
    )
    .more(
        "There is no way back, so it is typed `/erase forever`, and SURE is \
         nothing else.",
    ),
    command(
        "announce",
        &[word("to"), rest("text")],
        &[1316],
        "tell everybody in the room, the world or all",
    )
    .more("TO is room, world or all. For moderators of the server."),
    command(
        "reports",
        &[flag("decided"), option("page"), option("limit")],
        &[1318],
        "reports that wait, or those that were decided",
    )
    .more("For moderators of the server."),
    command(
        "take",
        &[param("report", Number, true)],
        &[1320],
        "take a report, and see the messages around it",
    )
    .more("For moderators of the server."),
    command(
        "decide",
        &[
            param("report", Number, true),
            word("decision"),
            maybe("time", Time),
            maybe("text", Rest),
        ],
        &[1322],
        "decide about a report that you took",
    )
    .more(
        "DECISION is release, dismiss, warn, mute or ban. For moderators of the \
         server.",
    ),
];
