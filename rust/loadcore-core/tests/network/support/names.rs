//! A name server that says what a test needs, on port 53 of a network of the test's own.

use std::collections::BTreeMap;
use std::net::UdpSocket;
use std::sync::{Arc, Mutex};
use std::thread;

/// Commands that make this server the only one that the system asks. The folder is this test's own, on a file system of its own.
pub(crate) const ASK_ONLY_US: &str = "mount -t tmpfs tmpfs /mnt \
    && printf 'nameserver 127.0.0.1\\noptions timeout:1 attempts:1\\nsearch .\\n' > /mnt/resolv.conf \
    && printf 'hosts: files dns\\n' > /mnt/nsswitch.conf \
    && mount --bind /mnt/resolv.conf /etc/resolv.conf && mount --bind /mnt/nsswitch.conf /etc/nsswitch.conf";

const TYPE_A: u16 = 1;

/// What the server says of a name.
#[derive(Debug, Clone)]
pub(crate) enum Says {
    /// These IPv4 addresses, and that there are none of IPv6.
    Addresses(Vec<[u8; 4]>),
    /// A failure with this code.
    Fails(u8),
    Nothing,
}

/// How often each name's IPv4 addresses were asked for.
pub(crate) type Asked = Arc<Mutex<BTreeMap<String, usize>>>;

/// Starts the server. `says` is given a name and how often it was asked for before.
pub(crate) fn serve_names(says: impl Fn(&str, usize) -> Says + Send + 'static) -> Asked {
    let socket = UdpSocket::bind("127.0.0.1:53").expect("port 53 of an own network");
    let asked = Asked::default();
    let log = Arc::clone(&asked);
    thread::spawn(move || {
        let mut buffer = [0; 512];
        while let Ok((count, client)) = socket.recv_from(&mut buffer) {
            let question = &buffer[12..count];
            let (name, end) = name_of(question);
            let kind = u16::from_be_bytes([question[end], question[end + 1]]);
            let before = {
                let mut asked = log.lock().expect("a lock");
                let times = asked.entry(name.clone()).or_default();
                *times += usize::from(kind == TYPE_A);
                times.saturating_sub(1)
            };
            if let Some(answer) = answer(&buffer[..2], &question[..end + 4], kind, &says(&name, before)) {
                socket.send_to(&answer, client).expect("a socket");
            }
        }
    });
    asked
}

/// The name of a question, and where what follows it begins.
fn name_of(question: &[u8]) -> (String, usize) {
    let (mut labels, mut at) = (Vec::new(), 0);
    while question[at] > 0 {
        let end = at + 1 + usize::from(question[at]);
        labels.push(String::from_utf8_lossy(&question[at + 1..end]).into_owned());
        at = end;
    }
    (labels.join("."), at + 1)
}

fn answer(id: &[u8], question: &[u8], kind: u16, says: &Says) -> Option<Vec<u8>> {
    let (code, addresses) = match says {
        Says::Nothing => return None,
        Says::Fails(code) => (*code, &[][..]),
        Says::Addresses(addresses) => (0, if kind == TYPE_A { &addresses[..] } else { &[] }),
    };
    let count = u8::try_from(addresses.len()).expect("few addresses");
    let mut bytes = [id, &[0x81, 0x80 | code, 0, 1, 0, count, 0, 0, 0, 0], question].concat();
    for address in addresses {
        // The question's name, type A, class IN, good for no time at all, four bytes.
        bytes.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4]);
        bytes.extend(address);
    }
    Some(bytes)
}
